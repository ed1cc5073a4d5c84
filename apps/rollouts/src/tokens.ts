/** What the modules of this process are given. */
export const EVENT_BUS = Symbol('EventBus');
export const BATCH_QUEUE = Symbol('BatchQueue');
export const ENGINE = Symbol('RolloutEngine');
