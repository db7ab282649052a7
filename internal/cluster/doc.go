// Package cluster runs a real Kubernetes control plane for tests, without
// containers: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and
// kwok, which simulates the nodes and what runs on them. All of it is one
// binary, built from the module in server/ into the user's cache folder: minutes
// once (`make cluster` shows it), nothing afterwards. Everything listens on
// loopback, at ports that were free, and dies with the test.
//
// A package of tests starts one cluster, by New in TestMain or by Start in its
// tests, and gives each test a Namespace; a test that breaks things starts its
// own (seconds).
package cluster
