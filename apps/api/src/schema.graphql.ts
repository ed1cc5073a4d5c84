/** The GraphQL contract between the API and whoever uses it, the web UI first. */
export const typeDefinitions = /* GraphQL */ `
  "An RFC 3339 time."
  scalar DateTime
  "Any JSON value."
  scalar JSON

  type Query {
    overview: Overview!
    "Null: offers are made."
    offerHold: OfferHold
    agents(
      "Kubernetes label-selector text over attributes and labels."
      selector: String
      "Free text over name, host, uid, type and version."
      search: String
      status: AgentStatus
      fleet: String
      finding: AgentFinding
      limit: Int = 50
      "The cursor of the page before."
      after: String
    ): AgentPage!
    agent(uid: ID!): Agent
    configurations: [Configuration!]!
    configuration(name: String!): Configuration
    fleets: [Fleet!]!
    fleet(name: String!): Fleet
    rollouts(fleet: String, limit: Int = 50, after: String): RolloutPage!
    rollout(id: ID!): Rollout
    "What a rollout would change and who would be skipped, before it starts."
    previewRollout(fleet: String!, configuration: String!, version: Int!, policy: JSON): BlastRadius!
    "Who is not offered a version because it failed there, the latest first; those in force, or those lifted."
    quarantines(
      agent: ID
      fleet: String
      configuration: String
      lifted: Boolean = false
      limit: Int = 50
      after: String
    ): QuarantinePage!
    "Agents that are not what they should be."
    drift(kind: DriftKind, fleet: String, limit: Int = 50, after: String): DriftPage!
    "Messages that were set aside because they could not be processed, the latest first."
    deadLetters(limit: Int = 50, after: String): DeadLetterPage!
    deadLetter(id: ID!): DeadLetter
    enrollmentTokens: [EnrollmentToken!]!
    "Where agents reach Muster, for their configuration."
    opampEndpoint: String!
    audit(resource: String, limit: Int = 50, after: String): AuditPage!
  }

  type Mutation {
    setAgentLabels(uid: ID!, labels: JSON!): Agent!
    deleteAgent(uid: ID!): Boolean!
    restartAgent(uid: ID!): Boolean!
    createConfiguration(
      name: String!
      body: String
      "Further files, name → template."
      files: JSON
      "[{selector, file, body}…] in the order they are merged."
      overlays: JSON
      description: String
      "Of version 1."
      comment: String
    ): Configuration!
    createConfigurationVersion(
      name: String!
      body: String
      files: JSON
      overlays: JSON
      comment: String
      parent: Int
    ): ConfigurationVersion!
    "A new version with the text of an older one."
    restoreConfigurationVersion(name: String!, version: Int!, comment: String): ConfigurationVersion!
    "What the fleet's agents would make of a text; without a fleet, those of the fleets that run the configuration."
    validateConfiguration(
      body: String
      files: JSON
      overlays: JSON
      name: String
      fleet: String
    ): ValidationResult!
    putFleet(
      name: String!
      selector: String!
      "Names of the enrollment tokens whose agents alone it takes; empty: of all; null: as it was."
      tokens: [String!]
      priority: Int
      configuration: String
      policy: JSON
      variables: JSON
    ): PutFleetResult!
    deleteFleet(name: String!): Boolean!
    startRollout(
      fleet: String!
      configuration: String!
      version: Int!
      policy: JSON
      "When to start; absent, or past: at once."
      startAt: DateTime
    ): Rollout!
    pauseRollout(id: ID!): Rollout!
    resumeRollout(id: ID!): Rollout!
    abortRollout(id: ID!): Rollout!
    rollbackRollout(id: ID!): Rollout!
    liftQuarantine(id: ID!): Boolean!
    "Has it processed again; if that fails, it is set aside again under another id."
    replayDeadLetter(id: ID!): Boolean!
    "Gives it up for good."
    deleteDeadLetter(id: ID!): Boolean!
    "database or agents: what counts."
    releaseOfferHold(decision: String!): OfferHoldRelease!
    createEnrollmentToken(
      name: String!
      expiresAt: DateTime
      maxUses: Int
      labels: JSON
      mayTakeOver: Boolean
    ): CreatedToken!
    "Allows or forbids that agents of other tokens come in by it."
    updateEnrollmentToken(id: ID!, mayTakeOver: Boolean!): EnrollmentToken!
    "Ends the live connections that used it, too."
    revokeEnrollmentToken(id: ID!): Boolean!
  }

  type Subscription {
    "Agents that changed, coalesced; all of them, or one."
    agentsChanged(uid: ID): [Agent!]!
    "Uids of agents that were deleted."
    agentsDeleted: [ID!]!
    overviewChanged: Overview!
    rolloutChanged(id: ID): Rollout!
  }

  enum AgentStatus {
    connected
    disconnected
  }

  "Something to see to."
  enum AgentFinding {
    "Its effective configuration held credentials."
    credentials
  }

  enum ConfigurationStatus {
    none
    offered
    applying
    applied
    failed
    deferred
  }

  type Overview {
    agents: Int!
    connected: Int!
    disconnected: Int!
    unhealthy: Int!
    "Agents whose effective configuration held credentials."
    withCredentials: Int!
    configurationStatus: [StatusCount!]!
    drift: [DriftCount!]!
    "Messages that were set aside; null: the bus does not say."
    deadLetters: Int
    versions: [NamedCount!]!
    fleets: Int!
    configurations: Int!
    activeRollouts: [Rollout!]!
  }

  type StatusCount {
    status: ConfigurationStatus!
    count: Int!
  }

  type NamedCount {
    name: String!
    count: Int!
  }

  type AgentPage {
    items: [Agent!]!
    "Pass as \`after\` for the next page; null on the last."
    next: String
    "How many agents match, up to 10,000."
    total: Int!
  }

  type Agent {
    uid: ID!
    name: String!
    status: AgentStatus!
    "Null: the agent does not report health, or has not yet."
    healthy: Boolean
    type: String!
    version: String!
    os: String!
    arch: String!
    hostname: String!
    labels: JSON!
    attributes: JSON!
    capabilities: [String!]!
    transport: String!
    fleet: String
    configuration: AgentConfiguration!
    enrolledAt: DateTime!
    connectedAt: DateTime
    lastSeenAt: DateTime!
    # Detail, read when asked for.
    identifyingAttributes: JSON!
    nonIdentifyingAttributes: JSON!
    "ComponentHealth as a tree: {healthy, status, lastError, startTimeUnixNano, statusTimeUnixNano, attributes, components: {name: …}}."
    health: JSON
    "File name → text."
    effectiveConfig: JSON
    "Credentials in the effective configuration; their values are not kept."
    findings: [CredentialFinding!]!
    "Credentials beyond those that are listed."
    findingsOmitted: Int!
    "Members that the agent reported and that are not shown (effectiveConfig…), and why."
    withheld: JSON!
    "Why what it runs was not compared with what it was given."
    driftNotCompared: String
    "Null: it is what it should be."
    drift: Drift
    "AvailableComponents: {hash, components: {name: {metadata, components}}}."
    components: JSON
    packages: JSON
    remoteConfigStatus: RemoteConfigStatus
    connection: Connection
    "Which configuration it gets, and why."
    explanation: Explanation!
  }

  type Explanation {
    "The fleets that match, by priority, then by name."
    fleets: [ExplainedFleet!]!
    why: String!
    "What it should run; null: nothing."
    configuration: ExplainedConfiguration
  }

  type ExplainedFleet {
    name: String!
    selector: String!
    "Names of the enrollment tokens it is restricted to; null: it is not."
    tokens: [String!]
    priority: Int!
    wins: Boolean!
    requirements: [ExplainedRequirement!]!
  }

  "What a fleet's selector asks for, and what of the agent fulfils it."
  type ExplainedRequirement {
    requirement: String!
    value: String
    "label, attribute or token; null: the agent has no such value."
    source: String
    "For people: who says so."
    saidBy: String!
  }

  type ExplainedConfiguration {
    name: String!
    version: Int!
    "rollout or stable."
    source: String!
    rollout: ID
    overlays: [ExplainedOverlay!]!
    variables: [ExplainedVariable!]!
    "File name → text; null: it cannot be rendered. With an error the agent is not given it."
    files: JSON
    hash: String
    error: String
    "Of what the agent was given; null: nothing yet."
    targetHash: String
    "What its fleet wants it to have instead, and gives it at its pace."
    next: NextConfiguration
    "The version that the agent, or its cohort, failed and is not offered."
    quarantine: ExplainedQuarantine
  }

  type NextConfiguration {
    name: String!
    version: Int!
    hash: String
    files: JSON
    error: String
  }

  type ExplainedQuarantine {
    name: String!
    version: Int!
    reason: String!
    since: DateTime!
    "What it is offered in place of it."
    instead: VersionRef
  }

  type ExplainedOverlay {
    index: Int!
    selector: String!
    file: String!
    applied: Boolean!
  }

  type ExplainedVariable {
    name: String!
    value: String
  }

  enum DriftKind {
    "It runs something else than it applied."
    effective
    "It is on nobody's version."
    unknown
    "It never confirmed its target."
    unconfirmed
  }

  type DriftCount {
    kind: DriftKind!
    count: Int!
  }

  type Drift {
    kind: DriftKind!
    since: DateTime!
    "The first paths that its effective configuration lacks; effective only."
    detail: [String!]!
    tries: Int!
    "pending, forbidden or notRepaired."
    repair: String!
    "Why it is not repaired; empty: nothing stands against it."
    reason: String!
    "When it is looked at again; null: it was given up."
    nextAt: DateTime
  }

  type DriftPage {
    items: [DriftedAgent!]!
    next: String
  }

  type DriftedAgent {
    agent: ID!
    name: String!
    fleet: String
    kind: DriftKind!
    since: DateTime!
    detail: [String!]!
    tries: Int!
    repair: String!
    reason: String!
    nextAt: DateTime
  }

  type CredentialFinding {
    file: String!
    line: Int!
    column: Int!
    "What it looked like: password, github-token, private-key…"
    kind: String!
  }

  type AgentConfiguration {
    status: ConfigurationStatus!
    "Confirmed by the agent."
    current: VersionRef
    "Offered, not confirmed yet."
    pending: VersionRef
    "What the agent should run."
    target: VersionRef
    error: String
  }

  type VersionRef {
    name: String!
    version: Int!
    hash: String!
  }

  type RemoteConfigStatus {
    hash: String!
    status: String!
    error: String!
  }

  type Connection {
    gateway: String!
    transport: String!
    remoteAddress: String!
    enrollmentToken: String
  }

  type Configuration {
    name: String!
    description: String!
    createdAt: DateTime!
    createdBy: String!
    latest: ConfigurationVersion!
    "Newest first."
    versions: [ConfigurationVersion!]!
  }

  type ConfigurationVersion {
    name: String!
    version: Int!
    parent: Int
    body: String!
    files: JSON!
    "[{selector, file, body}…]"
    overlays: JSON!
    comment: String!
    createdAt: DateTime!
    createdBy: String!
  }

  type ValidationResult {
    problems: [Problem!]!
    "What was looked at."
    checked: CheckedTexts!
  }

  type CheckedTexts {
    "Different texts that were looked at."
    texts: Int!
    "Agents that would get them; 0: it was checked for itself."
    agents: Int!
    "Real collectors that were asked."
    collectors: [CollectorBuild!]!
    "Collectors that these agents run and that are not here; empty where no collectors are here at all."
    notAsked: [CollectorBuild!]!
  }

  "A collector by service.name and service.version."
  type CollectorBuild {
    distribution: String!
    version: String!
  }

  "Something wrong in a configuration's text."
  type Problem {
    severity: String!
    message: String!
    path: String
    line: Int
    column: Int
    "Empty: the body."
    file: String!
    "Up to 100 agents it concerns; empty: all."
    agents: [ID!]!
    "How many it concerns; null: all."
    agentCount: Int
  }

  type Fleet {
    name: String!
    selector: String!
    "Names of the enrollment tokens it is restricted to; null: it is not."
    tokens: [String!]
    priority: Int!
    "The stable version; null: none yet."
    configuration: String
    version: Int
    policy: JSON!
    "What templates read as variables from the next rollout on."
    variables: JSON!
    stableVariables: JSON!
    agents: Int!
    connected: Int!
    "configuration.status → number of agents."
    counts: JSON!
    rollout: Rollout
    createdAt: DateTime!
    updatedAt: DateTime!
  }

  type PutFleetResult {
    fleet: Fleet!
    "The first rollout, when the fleet got its first configuration."
    rollout: Rollout
  }

  type RolloutPage {
    items: [Rollout!]!
    next: String
  }

  type Rollout {
    id: ID!
    fleet: String!
    configuration: String!
    version: Int!
    "scheduled, running, paused, completed, rollingBack, rolledBack, aborted or replaced."
    state: String!
    reason: String!
    policy: JSON!
    wave: Int!
    waves: [Wave!]!
    "Agents of the same kind, the largest cohort first."
    cohorts: [RolloutCohort!]!
    "waiting, offered, applied, failed, deferred, quarantined, rolledBack, stopped → number of agents."
    counts: JSON!
    "When it was to start; null: at once."
    startAt: DateTime
    "When offers go on that a window, the pace or the start holds back."
    waitsUntil: DateTime
    "Completed, and agents that were away still get their turn."
    catchingUp: Boolean!
    "Catching up stopped at a gate; resume goes on."
    halted: Boolean!
    createdAt: DateTime!
    createdBy: String!
    finishedAt: DateTime
    "Those that failed first; 'state': how they stand now; 'outcome': what they made of it."
    agents(limit: Int = 200, state: String, outcome: String): [RolloutAgent!]!
    events: [RolloutEvent!]!
  }

  "Agents that were of the same kind when the rollout was planned."
  type RolloutCohort {
    cohort: Int!
    "All four null: everybody that is in no other cohort."
    type: String
    version: String
    os: String
    arch: String
    size: Int!
    "running, stopped or rolledBack."
    state: String!
    reason: String!
    counts: JSON!
  }

  type BlastRadius {
    "Agents of the fleet."
    agents: Int!
    "Agents that would be offered something now or when they return."
    touched: Int!
    "Of those, agents that cannot say what they make of a config."
    cannotSay: BlastRadiusCannotSay!
    "How many agents each wave would hold."
    waves: [Int!]!
    "Agents with the same text now and then, most agents first; up to 50."
    changes: [BlastRadiusChange!]!
    "Groups beyond those, and their agents."
    more: BlastRadiusMore!
    "Who gets nothing, or not now, and why."
    skipped: [BlastRadiusSkipped!]!
    "What is wrong with the texts that most agents would get; up to 100 texts."
    problems: [Problem!]!
  }

  type BlastRadiusCannotSay {
    "They report what they run, and are judged by that."
    byEffectiveConfig: Int!
    "They report neither: they count as unconfirmed once they were sent it."
    unconfirmed: Int!
  }

  type BlastRadiusChange {
    "Hash of the text they have; null: none of ours."
    from: String
    to: String!
    agents: Int!
    sample: [ID!]!
    cohorts: [BlastRadiusCohort!]!
    "Unified diff; empty: alike."
    diff: String!
    "Components, as receivers/otlp."
    added: [String!]!
    removed: [String!]!
  }

  type BlastRadiusCohort {
    type: String!
    version: String!
    os: String!
    arch: String!
    agents: Int!
  }

  type BlastRadiusMore {
    changes: Int!
    agents: Int!
  }

  type BlastRadiusSkipped {
    "noCapability, notRenderable, missingComponent, quarantine or offline."
    reason: String!
    detail: String!
    agents: Int!
    sample: [ID!]!
  }

  type Wave {
    index: Int!
    size: Int!
    "pending, running, soaking, passed or stopped."
    state: String!
    counts: JSON!
    cohorts: [WaveCohort!]!
  }

  type WaveCohort {
    cohort: Int!
    size: Int!
    counts: JSON!
  }

  type RolloutAgent {
    uid: ID!
    name: String!
    wave: Int!
    cohort: Int!
    "How it stands now."
    state: String!
    error: String!
    "What it made of its offer, and stays when it is taken back: applied, failed, noAnswer, unconfirmed."
    outcome: String
    "Why it failed; empty: it did not."
    outcomeReason: String!
    offeredAt: DateTime
    settledAt: DateTime
  }

  type RolloutEvent {
    at: DateTime!
    actor: String!
    kind: String!
    detail: JSON!
  }

  "Nothing is offered, since the database was put back, until somebody says what counts."
  type OfferHold {
    since: DateTime!
    reason: String!
    agents: OfferHoldAgents!
  }

  type OfferHoldAgents {
    connected: Int!
    reported: Int!
    differ: Int!
    unknown: Int!
  }

  type OfferHoldRelease {
    withoutTarget: Int!
    fleets: [String!]!
    rollouts: Int!
  }

  type QuarantinePage {
    items: [Quarantine!]!
    next: String
  }

  type Quarantine {
    id: ID!
    "agent or cohort."
    scope: String!
    "{uid, name}; null: a cohort."
    agent: JSON
    "{type, version, os, arch}; null: an agent."
    cohort: JSON
    fleet: String
    "[{configuration, version}…]: what is not offered, in any rendering."
    versions: JSON!
    reason: String!
    since: DateTime!
    liftedAt: DateTime
    liftedBy: String
  }

  type DeadLetterPage {
    items: [DeadLetter!]!
    next: String
  }

  type DeadLetter {
    id: ID!
    "reports, agents.changed, …, rollouts.advance."
    subject: String!
    "Those who could not take it."
    group: String!
    at: DateTime!
    tries: Int!
    error: String!
    "Uid of the agent it is about."
    agent: ID
    "Size of what was set aside; it is never shown."
    bytes: Int!
  }

  type EnrollmentToken {
    id: ID!
    name: String!
    labels: JSON!
    expiresAt: DateTime
    maxUses: Int
    uses: Int!
    createdAt: DateTime!
    createdBy: String!
    revokedAt: DateTime
    "Agents that belong to other tokens may come in by it, and belong to it from then on."
    mayTakeOver: Boolean!
  }

  type CreatedToken {
    id: ID!
    "Shown once."
    token: String!
  }

  type AuditPage {
    items: [AuditEvent!]!
    next: String
  }

  type AuditEvent {
    id: ID!
    at: DateTime!
    actor: String!
    action: String!
    resource: String!
    detail: JSON!
  }
`;
