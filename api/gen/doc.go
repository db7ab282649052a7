// Package gen holds the types and the echo server interface that are generated
// from ../openapi.yaml. Change the contract and run go generate; never edit
// gen.go. The generator is run by version and is no dependency of the module.
package gen

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config oapi-codegen.yaml ../openapi.yaml
