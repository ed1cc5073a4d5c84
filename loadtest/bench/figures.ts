import type { SubjectName } from './subject.ts';

/** A line of the table. */
export interface Figure {
  /** What `--figures` picks it by: the stage it comes from. */
  stage: string;
  metric: string;
  label: string;
  unit: string;
  /** Muster must not be above this: times another server, or as it is. */
  goal?: { atMost: number; times?: SubjectName; of?: string; when?: (reportBytes: number) => boolean };
  /** More is better: the goal is a least. */
  atLeast?: boolean;
}

const small = (bytes: number) => bytes < 8_192;

/** The figures of the stages, in the order of the table. */
export const figures: Figure[] = [
  {
    stage: 'connect',
    metric: 'connect.cpu',
    label: 'CPU per enrolment, stored',
    unit: 'µs',
    goal: { atMost: 1, times: 'plain', when: small },
  },
  {
    stage: 'connect',
    metric: 'connect.cpu',
    label: 'CPU per enrolment, stored',
    unit: 'µs',
    goal: { atMost: 1.3, times: 'plain', when: (bytes) => !small(bytes) },
  },
  { stage: 'connect', metric: 'connect.gatewayCpu', label: '  gateway alone', unit: 'µs' },
  { stage: 'connect', metric: 'connect.perSecond', label: 'connections per second', unit: '/s' },
  {
    stage: 'memory',
    metric: 'memory.gateway',
    label: 'gateway memory per idle agent',
    unit: 'KiB',
    goal: { atMost: 0.1, times: 'plain' },
  },
  {
    stage: 'memory',
    metric: 'memory.all',
    label: 'memory growth per agent, all',
    unit: 'KiB',
    goal: { atMost: 0.4, times: 'plain' },
  },
  {
    stage: 'heartbeat',
    metric: 'heartbeat.cpu',
    label: 'CPU per heartbeat, all',
    unit: 'µs',
    goal: { atMost: 0.5, times: 'plain' },
  },
  {
    stage: 'heartbeat',
    metric: 'heartbeat.gatewayCpu',
    label: 'CPU per heartbeat, gateway',
    unit: 'µs',
    goal: { atMost: 1.1, times: 'floor' },
  },
  { stage: 'heartbeat', metric: 'heartbeat.p99', label: 'heartbeat answered, p99', unit: 'ms' },
  { stage: 'heartbeat', metric: 'heartbeat.clientCpu', label: '  the load client per heartbeat', unit: 'µs' },
  {
    stage: 'operations',
    metric: 'operations.bus',
    label: 'bus messages per 1,000 heartbeats',
    unit: '',
    goal: { atMost: 1 },
  },
  {
    stage: 'operations',
    metric: 'operations.redis',
    label: 'Redis commands per 1,000 heartbeats',
    unit: '',
    goal: { atMost: 1 },
  },
  {
    stage: 'operations',
    metric: 'operations.sql',
    label: 'SQL transactions per 1,000 heartbeats',
    unit: '',
    goal: { atMost: 1 },
  },
  { stage: 'operations', metric: 'operations.rows', label: 'rows written per 1,000 heartbeats', unit: '' },
  {
    stage: 'operations',
    metric: 'operations.idleBusPerSecond',
    label: '  bus messages a second without any',
    unit: '/s',
  },
  {
    stage: 'operations',
    metric: 'operations.idleRedisPerSecond',
    label: '  Redis commands a second without any',
    unit: '/s',
  },
  {
    stage: 'operations',
    metric: 'operations.idleSqlPerSecond',
    label: '  SQL transactions a second without any',
    unit: '/s',
  },
  {
    stage: 'publish',
    metric: 'publish.cpu',
    label: '8 KiB to all until APPLIED is stored, CPU',
    unit: 'µs',
    goal: { atMost: 0.8, times: 'plain' },
  },
  {
    stage: 'publish',
    metric: 'publish.wall',
    label: '  wall',
    unit: 's',
    goal: { atMost: 1.5, times: 'plain' },
  },
  {
    stage: 'publish',
    metric: 'publish.heartbeatP99',
    label: '  heartbeat p99 meanwhile',
    unit: 'ms',
    goal: { atMost: 20 },
  },
  {
    stage: 'storm',
    metric: 'storm.cpu',
    label: 'resume storm, CPU',
    unit: 'µs',
    goal: { atMost: 0.7, times: 'plain' },
  },
  { stage: 'storm', metric: 'storm.wall', label: '  all back', unit: 's' },
  {
    stage: 'storm',
    metric: 'storm.fullStateAsked',
    label: '  full states asked',
    unit: '',
    goal: { atMost: 0 },
  },
  {
    stage: 'storm',
    metric: 'storm.shownOffline',
    label: '  agents shown offline',
    unit: '',
    goal: { atMost: 0 },
  },
  { stage: 'storm', metric: 'storm.rows', label: '  rows written', unit: '', goal: { atMost: 0 } },
];
