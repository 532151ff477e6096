// hubkiln-cluster is the part of Kubernetes that decides: etcd and the API server, one program, a process each.
//
// The chart and whoever makes pods are tested with it. There is no node, so nothing runs.
package main

import (
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: hubkiln-cluster etcd|apiserver OPTION…")
		os.Exit(2)
	}
	switch os.Args[1] {
	case "etcd":
		etcdmain.Main(append([]string{"etcd"}, os.Args[2:]...))
	case "apiserver":
		command := app.NewAPIServerCommand()
		command.SetArgs(os.Args[2:])
		os.Exit(cli.Run(command))
	default:
		fmt.Fprintf(os.Stderr, "hubkiln-cluster has no %q\n", os.Args[1])
		os.Exit(2)
	}
}
