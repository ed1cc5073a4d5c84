// Command reference-server is the server library of opamp-go with the least that has to be written around it,
// for the comparison in docs/opamp.md.
//
// The library's: HTTP and WebSocket, the upgrade, the message header, protobuf, gzip, one answer for each
// message that OnMessage answers, the uid of an answer that has none.
// Ours, because the library leaves it to its user: the token check, the capabilities, what is known of each
// agent, gaps in sequence_num, goodbyes, and that a uid has 16 bytes. State is kept in memory and by uid, not
// by connection: plain HTTP has a connection for each message.
// Left out, as in the library's own example: new instance uids, duplicates, limits, offers.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/open-telemetry/opamp-go/server"
	"github.com/open-telemetry/opamp-go/server/types"
)

const capabilities = uint64(protobufs.ServerCapabilities_ServerCapabilities_AcceptsStatus |
	protobufs.ServerCapabilities_ServerCapabilities_AcceptsEffectiveConfig |
	protobufs.ServerCapabilities_ServerCapabilities_AcceptsPackagesStatus)

// agent is what the server keeps of one agent.
type agent struct {
	sequenceNum uint64
	// state holds the parts last reported; a part that a message leaves out has not changed.
	state *protobufs.AgentToServer
}

type fleet struct {
	mutex  sync.Mutex
	agents map[string]*agent
}

func main() {
	listen := flag.String("listen", "127.0.0.1:4320", "address to listen on")
	token := flag.String("token", "", "credential of agents; empty: none is asked for")
	flag.Parse()

	known := &fleet{agents: map[string]*agent{}}
	callbacks := types.ConnectionCallbacks{
		OnMessage: func(_ context.Context, _ types.Connection, message *protobufs.AgentToServer) *protobufs.ServerToAgent {
			return known.take(message)
		},
	}
	opamp := server.New(nil)
	err := opamp.Start(server.StartSettings{
		ListenEndpoint: *listen,
		Settings: server.Settings{
			EnableCompression: true,
			Callbacks: types.Callbacks{
				OnConnecting: func(request *http.Request) types.ConnectionResponse {
					if *token != "" && request.Header.Get("Authorization") != "Bearer "+*token {
						return types.ConnectionResponse{HTTPStatusCode: http.StatusUnauthorized}
					}
					return types.ConnectionResponse{Accept: true, ConnectionCallbacks: callbacks}
				},
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready", opamp.Addr())
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	<-ended
}

// take notes what the agent says and answers it.
func (f *fleet) take(message *protobufs.AgentToServer) *protobufs.ServerToAgent {
	if len(message.InstanceUid) != 16 {
		return badRequest(fmt.Sprintf("instance_uid has %d bytes, want 16", len(message.InstanceUid)))
	}
	answer := &protobufs.ServerToAgent{InstanceUid: message.InstanceUid, Capabilities: capabilities}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	uid := string(message.InstanceUid)
	if message.AgentDisconnect != nil {
		delete(f.agents, uid)
		return answer
	}
	one, isKnown := f.agents[uid]
	if !isKnown {
		one = &agent{state: &protobufs.AgentToServer{}}
		f.agents[uid] = one
	}
	follows := isKnown && message.SequenceNum == one.sequenceNum+1
	if !follows && message.AgentDescription == nil {
		answer.Flags = uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState)
	}
	one.sequenceNum = message.SequenceNum
	one.note(message)
	return answer
}

// note keeps the parts that the message has.
func (a *agent) note(message *protobufs.AgentToServer) {
	if message.AgentDescription != nil {
		a.state.AgentDescription = message.AgentDescription
	}
	if message.Health != nil {
		a.state.Health = message.Health
	}
	if message.EffectiveConfig != nil {
		a.state.EffectiveConfig = message.EffectiveConfig
	}
	if message.RemoteConfigStatus != nil {
		a.state.RemoteConfigStatus = message.RemoteConfigStatus
	}
	if message.PackageStatuses != nil {
		a.state.PackageStatuses = message.PackageStatuses
	}
	if message.AvailableComponents != nil {
		a.state.AvailableComponents = message.AvailableComponents
	}
	if message.Capabilities != 0 {
		a.state.Capabilities = message.Capabilities
	}
}

func badRequest(reason string) *protobufs.ServerToAgent {
	return &protobufs.ServerToAgent{
		ErrorResponse: &protobufs.ServerErrorResponse{
			Type:         protobufs.ServerErrorResponseType_ServerErrorResponseType_BadRequest,
			ErrorMessage: reason,
		},
	}
}
