// hubkiln-policies has the packets of a node judged by NetworkPolicies, as a cluster's network does that enforces them.
//
// The judge is kube-network-policies, as it is; it takes packets from the kernel's queue 100. Where the kernel has no
// `queue` for nftables, its own rule is refused, and whoever starts it puts packets there by iptables.
package main

import (
	"context"
	"flag"
	"os/signal"
	"syscall"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "who asks the API server")
	node := flag.String("node", "", "the name of the node")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		klog.Fatal(err)
	}
	client := kubernetes.NewForConfigOrDie(config)
	seen := informers.NewSharedInformerFactory(client, 0)
	judge, err := networkpolicy.NewController(
		client,
		seen.Networking().V1().NetworkPolicies(),
		seen.Core().V1().Namespaces(),
		seen.Core().V1().Pods(),
		nil, nil, nil, nil,
		networkpolicy.Config{NodeName: *node, NetfilterBug1766Fix: false},
	)
	if err != nil {
		klog.Fatal(err)
	}
	seen.Start(ctx.Done())
	if err := judge.Run(ctx); err != nil {
		klog.Fatal(err)
	}
}
