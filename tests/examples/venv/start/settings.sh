export KILN_STATE="set by start"
