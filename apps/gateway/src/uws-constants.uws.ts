import * as uws from 'uWebSockets.js';

// The package's types declare these as types only.
const constants = uws as unknown as { DISABLED: number; LIBUS_LISTEN_EXCLUSIVE_PORT: number };

/** No compression of WebSocket messages. */
export const DISABLED = constants.DISABLED;
/** Without it the system shares a port among processes, silently. */
export const LIBUS_LISTEN_EXCLUSIVE_PORT = constants.LIBUS_LISTEN_EXCLUSIVE_PORT;
