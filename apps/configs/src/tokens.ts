/** What the modules of this process are given. */
export const EVENT_BUS = Symbol('EventBus');
export const TRANSACT = Symbol('transact');
export const MEMBERSHIP = Symbol('FleetMembership');
export const DESIRED_STATE = Symbol('DesiredState');
export const CONVERGENCE = Symbol('Convergence');
