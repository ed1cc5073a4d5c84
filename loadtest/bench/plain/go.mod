module muster.dev/loadtest/plain

go 1.25.0

require github.com/open-telemetry/opamp-go v0.23.0

require (
	github.com/gorilla/websocket v1.5.3 // indirect
	github.com/michel-laterman/proxy-connect-dialer-go v0.1.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)
