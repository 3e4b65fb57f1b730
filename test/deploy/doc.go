// Package deploy takes the files of deploy/ and tells whether the programs that read them accept them, and whether they
// agree with the server: no network but loopback, and no service is installed.
//
//	main_test.go        where the tools are, and the server that is built
//	server_test.go      starts a server process
//	systemd_test.go     the unit, by systemd-analyze, and its system calls, by strace
//	kubernetes_test.go  the manifests: built by kustomize, read by kubeconform and by the pod security standards
//	nodes_test.go       the configuration in the manifests, by the server, and how it fits the Deployment
//	prometheus_test.go  alerts and recording rules, by promtool; the metrics they name, by a running server
//	grafana_test.go     the dashboard, by the types of Grafana; its queries, by promtool
//	image_test.go       the container image: unpacked by umoci, run without a container engine, built twice
//	proxy_test.go       the configurations of nginx and Caddy, by themselves
//
// Every check is also shown a broken file, because a check that accepts everything looks the same from outside.
// install.sh brings the tools. Where one is missing the test is skipped, and with CI=true it fails.
package deploy
