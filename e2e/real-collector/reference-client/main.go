// An agent on the OpAMP reference library's client, for end-to-end tests. All of the protocol is the
// library's; here is only what its users write around it. It says what happens to it as JSON lines on
// stdout and takes orders, one a line, on stdin:
//
//	health <error>   report health; without an error the agent is healthy
//	identify         ask the server for an instance uid (RequestInstanceUid)
//	stop             say goodbye as the library does, and end
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/client"
	"github.com/open-telemetry/opamp-go/client/types"
	"github.com/open-telemetry/opamp-go/protobufs"
)

const capabilities = protobufs.AgentCapabilities_AgentCapabilities_ReportsStatus |
	protobufs.AgentCapabilities_AgentCapabilities_AcceptsRemoteConfig |
	protobufs.AgentCapabilities_AgentCapabilities_ReportsEffectiveConfig |
	protobufs.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig |
	protobufs.AgentCapabilities_AgentCapabilities_ReportsHealth |
	protobufs.AgentCapabilities_AgentCapabilities_AcceptsRestartCommand |
	protobufs.AgentCapabilities_AgentCapabilities_ReportsHeartbeat |
	protobufs.AgentCapabilities_AgentCapabilities_ReportsAvailableComponents

// The library has no callback for ReportFullState, but it takes the effective config then, at the first
// message, and when the agent itself calls UpdateEffectiveConfig: never else.
type agent struct {
	client  client.OpAMPClient
	started time.Time

	mutex     sync.Mutex // over the fields below and the order of lines
	effective map[string]*protobufs.AgentConfigFile
	begun     bool // the first message was made
	updating  bool // UpdateEffectiveConfig was called by us
}

func main() {
	url := flag.String("url", "", "ws:// or http:// address of the server")
	token := flag.String("token", "", "bearer token")
	interval := flag.Duration("interval", 30*time.Second, "time between heartbeats, or polls over HTTP")
	flag.Parse()

	a := &agent{
		started:   time.Now(),
		effective: map[string]*protobufs.AgentConfigFile{"": {Body: []byte("receivers: {}\n"), ContentType: "text/yaml"}},
	}
	if strings.HasPrefix(*url, "ws") {
		a.client = client.NewWebSocket(a)
	} else {
		a.client = client.NewHTTP(a)
	}
	uid := uuid.Must(uuid.NewV7())
	must(a.client.SetAgentDescription(describe(uid)))
	must(a.client.SetHealth(a.health("")))
	must(a.client.SetAvailableComponents(components()))
	can := capabilities
	must(a.client.SetCapabilities(&can))
	a.say("started", map[string]any{"uid": uid.String()})
	must(a.client.Start(context.Background(), types.StartSettings{
		OpAMPServerURL:    *url,
		Header:            http.Header{"Authorization": {"Bearer " + *token}},
		InstanceUid:       types.InstanceUid(uid),
		HeartbeatInterval: interval,
		Callbacks: types.Callbacks{
			OnConnect: func(context.Context) { a.say("connected", nil) },
			OnConnectFailed: func(_ context.Context, err error) {
				a.say("connectFailed", map[string]any{"error": err.Error()})
			},
			OnError: func(_ context.Context, err *protobufs.ServerErrorResponse) {
				a.say("error", map[string]any{"error": err.GetErrorMessage()})
			},
			OnMessage: a.onMessage,
			OnCommand: func(_ context.Context, command *protobufs.ServerToAgentCommand) error {
				a.say("command", map[string]any{"command": command.GetType().String()})
				return nil
			},
			GetEffectiveConfig: a.effectiveConfig,
		},
	}))

	a.obey(bufio.NewScanner(os.Stdin))
	patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	must(a.client.Stop(patience))
	a.say("stopped", nil)
}

// obey returns when it is told to stop, or when nobody is there to tell it anything.
func (a *agent) obey(orders *bufio.Scanner) {
	for orders.Scan() {
		order, rest, _ := strings.Cut(orders.Text(), " ")
		switch order {
		case "health":
			must(a.client.SetHealth(a.health(rest)))
		case "identify":
			a.client.SetFlags(protobufs.AgentToServerFlags_AgentToServerFlags_RequestInstanceUid)
		case "stop":
			return
		default:
			log.Fatalf("unknown order %q", order)
		}
	}
}

func (a *agent) onMessage(ctx context.Context, message *types.MessageData) {
	if identification := message.AgentIdentification; identification != nil {
		uid, err := uuid.FromBytes(identification.GetNewInstanceUid())
		must(err)
		a.say("identified", map[string]any{"uid": uid.String()})
	}
	if offer := message.RemoteConfig; offer != nil {
		a.apply(ctx, offer)
	}
}

// apply takes any configuration: tests of what collectors refuse have a real collector.
func (a *agent) apply(ctx context.Context, offer *protobufs.AgentRemoteConfig) {
	files := map[string]string{}
	for name, file := range offer.GetConfig().GetConfigMap() {
		files[name] = string(file.GetBody())
	}
	a.say("offered", map[string]any{"hash": hex.EncodeToString(offer.GetConfigHash()), "files": files})
	a.report(offer, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING)

	a.mutex.Lock()
	a.effective = offer.GetConfig().GetConfigMap()
	a.updating = true
	a.mutex.Unlock()
	must(a.client.UpdateEffectiveConfig(ctx))
	a.mutex.Lock()
	a.updating = false
	a.mutex.Unlock()
	a.report(offer, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED)
}

func (a *agent) report(offer *protobufs.AgentRemoteConfig, status protobufs.RemoteConfigStatuses) {
	must(a.client.SetRemoteConfigStatus(&protobufs.RemoteConfigStatus{
		LastRemoteConfigHash: offer.GetConfigHash(),
		Status:               status,
	}))
}

func (a *agent) effectiveConfig(context.Context) (*protobufs.EffectiveConfig, error) {
	a.mutex.Lock()
	unasked := a.updating || !a.begun
	a.begun = true
	config := &protobufs.EffectiveConfig{ConfigMap: &protobufs.AgentConfigMap{ConfigMap: a.effective}}
	a.mutex.Unlock()
	if !unasked {
		a.say("fullStateAsked", nil)
	}
	return config, nil
}

func (a *agent) health(problem string) *protobufs.ComponentHealth {
	return &protobufs.ComponentHealth{
		Healthy:            problem == "",
		LastError:          problem,
		StartTimeUnixNano:  uint64(a.started.UnixNano()),
		StatusTimeUnixNano: uint64(time.Now().UnixNano()),
	}
}

func describe(uid uuid.UUID) *protobufs.AgentDescription {
	host, err := os.Hostname()
	must(err)
	return &protobufs.AgentDescription{
		IdentifyingAttributes: []*protobufs.KeyValue{
			text("service.name", "reference-client"),
			text("service.version", "0.23.0"),
			text("service.instance.id", uid.String()),
		},
		NonIdentifyingAttributes: []*protobufs.KeyValue{
			text("host.name", host),
			text("os.type", "linux"),
		},
	}
}

func components() *protobufs.AvailableComponents {
	return &protobufs.AvailableComponents{
		Hash: []byte("components of the reference client"),
		Components: map[string]*protobufs.ComponentDetails{
			"receivers": {SubComponentMap: map[string]*protobufs.ComponentDetails{
				"nop": {Metadata: []*protobufs.KeyValue{text("type", "nop")}},
			}},
		},
	}
}

func text(key, value string) *protobufs.KeyValue {
	return &protobufs.KeyValue{
		Key:   key,
		Value: &protobufs.AnyValue{Value: &protobufs.AnyValue_StringValue{StringValue: value}},
	}
}

// say writes one line: what happened, with its details.
func (a *agent) say(event string, details map[string]any) {
	line := map[string]any{"event": event}
	for name, detail := range details {
		line[name] = detail
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	must(json.NewEncoder(os.Stdout).Encode(line))
}

// The library's log goes to stderr, for people.
func (a *agent) Debugf(context.Context, string, ...any) {}

func (a *agent) Errorf(_ context.Context, format string, values ...any) {
	log.Printf(format, values...)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
