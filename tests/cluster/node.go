//go:build node

package main

import (
	"context"

	"github.com/spf13/cobra"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func init() {
	parts["controllers"] = controllers.NewControllerManagerCommand
	parts["kubelet"] = func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }
	parts["proxy"] = proxy.NewProxyCommand
	parts["scheduler"] = func() *cobra.Command { return scheduler.NewSchedulerCommand() }
}
