/** What a gateway counts: gauges of now, and totals since it started. Plain numbers, for whoever exports them. */
export interface GatewayMetrics {
  /** WebSockets open now. */
  connections: number;
  /** Agents held now, over either transport. */
  agents: number;
  /** Bytes of HTTP bodies held now. */
  bodyBytes: number;
  /** AgentToServer messages taken, malformed ones too. */
  messages: number;
  malformed: number;
  /** Messages refused for a part that is larger, or of more parts, than is taken. */
  messagesOverLimit: number;
  /** Agents refused because their connection carries enough, or too many new ones came of late. */
  agentsOverQuota: number;
  /** Messages refused because their agent reported too much that is new. */
  contentsOverQuota: number;
  /** Reports put on the bus. */
  reports: number;
  /** Publishes that took. */
  frames: number;
  /** Reports that had to be dropped because the bus was away for too long. */
  reportsDropped: number;
  /** Remote configurations sent. */
  offers: number;
  /** How often an agent was asked for its full state. */
  fullStateAsked: number;
  /** Agents made to reconnect, to give back the memory of a large message. */
  recycled: number;
  /** Connections and polls turned away because there were too many. */
  refused: number;
  /** Clients that were given another uid because theirs was in use. */
  duplicates: number;
  /** Agents that came in by another token or certificate than before, or while their last connection was still open. */
  takeovers: number;
  /** Clients refused since the agent belongs to another token or certificate. */
  foreign: number;
  /** Connections and polls without a valid credential. */
  unauthorized: number;
  /** HTTP bodies refused as larger than is taken, as sent or unpacked. */
  bodiesTooLarge: number;
  /** HTTP bodies given up because they took too long to come. */
  bodiesTooSlow: number;
  /** HTTP bodies refused because others took up the memory there is for them. */
  bodiesWithoutRoom: number;
  /** Messages answered with UNAVAILABLE because their connection sends too many. */
  messagesOverRate: number;
  /** WebSockets closed because they went on sending too many messages. */
  connectionsOverRate: number;
  /** WebSockets closed because they completed neither a message nor a pong for too long. */
  connectionsSilent: number;
  /** WebSockets cut because they did not read what they were sent. */
  connectionsNotReading: number;
  /** WebSockets cut in the middle of a message because memory ran short. */
  connectionsShed: number;
  /** Times that new connections got a new certificate, and that a new one could not be used. */
  certificatesRenewed: number;
  certificatesRefused: number;
}

export function createGatewayMetrics(): GatewayMetrics {
  return {
    connections: 0,
    agents: 0,
    bodyBytes: 0,
    messages: 0,
    malformed: 0,
    messagesOverLimit: 0,
    agentsOverQuota: 0,
    contentsOverQuota: 0,
    reports: 0,
    frames: 0,
    reportsDropped: 0,
    offers: 0,
    fullStateAsked: 0,
    recycled: 0,
    refused: 0,
    duplicates: 0,
    takeovers: 0,
    foreign: 0,
    unauthorized: 0,
    bodiesTooLarge: 0,
    bodiesTooSlow: 0,
    bodiesWithoutRoom: 0,
    messagesOverRate: 0,
    connectionsOverRate: 0,
    connectionsSilent: 0,
    connectionsNotReading: 0,
    connectionsShed: 0,
    certificatesRenewed: 0,
    certificatesRefused: 0,
  };
}
