// Plain is the server that one would write on the reference library without further thought: it keeps
// what each agent said last in memory, stores nothing, lets everybody in and offers one configuration to
// all. The bench measures it beside Muster.
//
//	plain -opamp 127.0.0.1:4420 -admin 127.0.0.1:4421 [-cert file -key file [-client-ca file]]
//
// POST /publish takes a configuration and sends it to every agent; GET /fleet counts agents by what they
// said of it.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"sync"

	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/open-telemetry/opamp-go/server"
	"github.com/open-telemetry/opamp-go/server/types"
)

// known is what the server remembers of one agent.
type known struct {
	connection types.Connection
	said       *protobufs.AgentToServer
}

type fleet struct {
	lock    sync.Mutex
	agents  map[string]*known
	behind  map[types.Connection][]*known
	offered *protobufs.AgentRemoteConfig
}

const capabilities = uint64(protobufs.ServerCapabilities_ServerCapabilities_AcceptsStatus |
	protobufs.ServerCapabilities_ServerCapabilities_OffersRemoteConfig |
	protobufs.ServerCapabilities_ServerCapabilities_AcceptsEffectiveConfig)

func main() {
	opamp := flag.String("opamp", "127.0.0.1:4420", "where agents connect")
	admin := flag.String("admin", "127.0.0.1:4421", "where the bench asks")
	cert := flag.String("cert", "", "PEM file; agents connect over TLS")
	key := flag.String("key", "", "PEM file")
	clientCA := flag.String("client-ca", "", "PEM file; agents need a certificate that it signed")
	flag.Parse()

	all := &fleet{agents: map[string]*known{}, behind: map[types.Connection][]*known{}}
	opampServer := server.New(nil)
	settings := server.StartSettings{ListenEndpoint: *opamp, TLSConfig: tlsConfig(*cert, *key, *clientCA)}
	settings.Callbacks = types.Callbacks{OnConnecting: func(*http.Request) types.ConnectionResponse {
		return types.ConnectionResponse{Accept: true, ConnectionCallbacks: types.ConnectionCallbacks{
			OnMessage:         all.hear,
			OnConnectionClose: all.lost,
		}}
	}}
	if err := opampServer.Start(settings); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("POST /publish", all.publish)
	http.HandleFunc("GET /fleet", all.count)
	log.Fatal(http.ListenAndServe(*admin, nil))
}

// hear folds a message into what is known and answers it.
func (f *fleet) hear(_ context.Context, from types.Connection, message *protobufs.AgentToServer) *protobufs.ServerToAgent {
	answer := &protobufs.ServerToAgent{InstanceUid: message.InstanceUid, Capabilities: capabilities}
	f.lock.Lock()
	defer f.lock.Unlock()
	agent, met := f.agents[string(message.InstanceUid)]
	if !met {
		agent = &known{said: message}
		f.agents[string(message.InstanceUid)] = agent
		if message.AgentDescription == nil {
			answer.Flags = uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState)
		}
	}
	if agent.connection != from {
		agent.connection = from
		f.behind[from] = append(f.behind[from], agent)
	}
	merge(agent.said, message)
	if f.offered != nil && string(agent.said.RemoteConfigStatus.GetLastRemoteConfigHash()) != string(f.offered.ConfigHash) {
		answer.RemoteConfig = f.offered
	}
	return answer
}

func merge(said, message *protobufs.AgentToServer) {
	said.SequenceNum = message.SequenceNum
	if message.AgentDescription != nil {
		said.AgentDescription = message.AgentDescription
	}
	if message.Health != nil {
		said.Health = message.Health
	}
	if message.EffectiveConfig != nil {
		said.EffectiveConfig = message.EffectiveConfig
	}
	if message.RemoteConfigStatus != nil {
		said.RemoteConfigStatus = message.RemoteConfigStatus
	}
}

// lost keeps what the agent said, so that it need not say it again when it returns.
func (f *fleet) lost(connection types.Connection) {
	f.lock.Lock()
	defer f.lock.Unlock()
	for _, agent := range f.behind[connection] {
		if agent.connection == connection {
			agent.connection = nil
		}
	}
	delete(f.behind, connection)
}

func (f *fleet) publish(_ http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	hash := sha256.Sum256(body)
	file := &protobufs.AgentConfigFile{Body: body, ContentType: "text/yaml"}
	offer := &protobufs.AgentRemoteConfig{
		ConfigHash: hash[:],
		Config:     &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{"": file}},
	}
	f.lock.Lock()
	f.offered = offer
	reached := make(map[string]types.Connection, len(f.agents))
	for uid, agent := range f.agents {
		if agent.connection != nil {
			reached[uid] = agent.connection
		}
	}
	f.lock.Unlock()
	for uid, connection := range reached {
		connection.Send(request.Context(), &protobufs.ServerToAgent{InstanceUid: []byte(uid), RemoteConfig: offer})
	}
}

func (f *fleet) count(response http.ResponseWriter, _ *http.Request) {
	counts := struct {
		Agents, Connected, Applied int
	}{}
	f.lock.Lock()
	for _, agent := range f.agents {
		counts.Agents++
		if agent.connection != nil {
			counts.Connected++
		}
		status := agent.said.RemoteConfigStatus
		if f.offered != nil && string(status.GetLastRemoteConfigHash()) == string(f.offered.ConfigHash) &&
			status.Status == protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED {
			counts.Applied++
		}
	}
	f.lock.Unlock()
	json.NewEncoder(response).Encode(counts)
}

func tlsConfig(cert, key, clientCA string) *tls.Config {
	if cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if clientCA != "" {
		pem, err := os.ReadFile(clientCA)
		if err != nil {
			log.Fatal(err)
		}
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(pem)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config
}
