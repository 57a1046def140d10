export { UServer } from './usocket/server.ts';
export { USocket, type USocketMessage, type USocketOptions } from './usocket/socket.ts';
