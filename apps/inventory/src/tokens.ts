/** By these Nest hands out what was built elsewhere: no decorator metadata exists to go by. */
export const EVENT_BUS = Symbol('EventBus');
export const REIDENTIFICATIONS = Symbol('Reidentifications');
export const CONTESTED_AGENTS = Symbol('ContestedAgents');
export const REPORT_INTAKE = Symbol('ReportIntake');
