#!/bin/sh
echo "hello from the Dockerfile"
