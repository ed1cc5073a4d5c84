/** Health as a server shows it; what it does not show is left out. */
export interface ShownHealth {
  healthy: boolean;
  status: string;
  lastError: string;
  /** Nanoseconds since 1970 as decimal text. */
  startTimeUnixNano: string;
  attributes: Record<string, unknown>;
  components: Record<string, ShownHealth>;
}

export interface ShownPackage {
  status: string;
  agentHasVersion: string;
  /** Hex; empty for a package that was installed locally. */
  serverOfferedHash: string;
  errorMessage: string;
  /** Percent while downloading. */
  downloaded: number | null;
}

export interface ShownComponent {
  metadata: Record<string, unknown>;
  components: Record<string, ShownComponent>;
}

/** What a server shows people of one agent. */
export interface ShownAgent {
  connected: boolean;
  /** Null: not known. */
  healthy: boolean | null;
  identifying: Record<string, unknown>;
  nonIdentifying: Record<string, unknown>;
  /** Names of the specification. */
  capabilities: string[];
  health: ShownHealth | null;
  /** File name → text, or a data URL where the body is not text. */
  effectiveConfig: Record<string, string> | null;
  /** `status` is a name, or a number as text where the specification has none. */
  remoteConfigStatus: { hash: string; status: string; error: string } | null;
  packages: Record<string, ShownPackage> | null;
  components: { hash: string; components: Record<string, ShownComponent> } | null;
  /** Where the server thinks it stands with its configuration: `none`, `offered`, `applying`, `applied`, `failed`… */
  configStatus: string;
  configError: string | null;
  /** Unix milliseconds. */
  lastSeen: number;
}

/** Someone who acts on the server under test and sees what it shows. An adapter for each product. */
export interface Operator {
  /** Null: the server does not know the agent. */
  agent(uuid: string): Promise<ShownAgent | null>;
  /** How many agents are shown whose `conformance.key` is this. */
  agentsWithKey(key: string): Promise<string[]>;
  /** From now on agents whose `conformance.key` is this are to run this one-file configuration. */
  assignConfig(key: string, body: string): Promise<void>;
  /** Largest configuration that can be assigned, bytes. */
  readonly largestConfig: number;
  /** Orders a restart. Answers null when the order was taken, or the refusal. */
  restartAgent(uuid: string): Promise<string | null>;
  /** A credential for agents of its own, and how to take it back. */
  makeToken(): Promise<{ token: string; revoke(): Promise<void> }>;
  /** Kills the server and starts it again on the same state; null when the operator cannot. */
  restartServer: (() => Promise<void>) | null;
  /** Takes away what was made for the run. */
  cleanUp(): Promise<void>;
}
