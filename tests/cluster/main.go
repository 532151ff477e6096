// hubkiln-cluster is the part of Kubernetes that decides: etcd and the API server, one program, a process each.
//
// The chart and whoever makes pods are tested with it. There is no node, so nothing runs; with the tag `node` it is
// the other parts as well (node.go).
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

var parts = map[string]func() *cobra.Command{"apiserver": app.NewAPIServerCommand}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: hubkiln-cluster etcd|apiserver|… OPTION…")
		os.Exit(2)
	}
	if os.Args[1] == "etcd" {
		etcdmain.Main(append([]string{"etcd"}, os.Args[2:]...))
		return
	}
	part, ok := parts[os.Args[1]]
	if !ok {
		fmt.Fprintf(os.Stderr, "hubkiln-cluster has no %q\n", os.Args[1])
		os.Exit(2)
	}
	command := part()
	command.SetArgs(os.Args[2:])
	os.Exit(cli.Run(command))
}
