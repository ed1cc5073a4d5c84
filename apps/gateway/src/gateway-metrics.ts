/** What a gateway counts: gauges of now, and totals since it started. Plain numbers, for whoever exports them. */
export interface GatewayMetrics {
  /** WebSockets open now. */
  connections: number;
  /** Agents held now, over either transport. */
  agents: number;
  /** AgentToServer messages taken, malformed ones too. */
  messages: number;
  malformed: number;
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
  /** Connections and polls turned away because there were too many. */
  refused: number;
  /** Connections and polls without a valid credential. */
  unauthorized: number;
}

export function createGatewayMetrics(): GatewayMetrics {
  return {
    connections: 0,
    agents: 0,
    messages: 0,
    malformed: 0,
    reports: 0,
    frames: 0,
    reportsDropped: 0,
    offers: 0,
    fullStateAsked: 0,
    refused: 0,
    unauthorized: 0,
  };
}
