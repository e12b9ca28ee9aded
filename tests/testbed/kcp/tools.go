//go:build tools

// Package tools pins the program that the test bed builds.
package tools

import _ "github.com/kcp-dev/kcp/cmd/kcp"
