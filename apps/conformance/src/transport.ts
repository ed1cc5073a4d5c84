export type Transport = 'websocket' | 'http';

export const overBoth: readonly Transport[] = ['websocket', 'http'];
export const overWebSocket: readonly Transport[] = ['websocket'];
export const overHttp: readonly Transport[] = ['http'];
