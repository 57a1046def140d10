import { closeSync, openSync } from 'node:fs';
import { closeFD, type Endpoint, newConnectedSockets, newEndpoint } from '../../src/index.ts';
import type { Side } from '../harness/question.ts';
import { type SocketType, socketpair } from './bare-endpoint.ts';
import { CHUNK, type Operation, sideOf } from './operation.ts';

export const FDCHANNEL = 'fdchannel';

/** Two connected endpoints; of the platform's own type without one. */
export function endpoints(type?: SocketType): [Endpoint, Endpoint] {
  const [left, right] = type === undefined ? newConnectedSockets() : socketpair(type);
  return [newEndpoint(left), newEndpoint(right)];
}

/** One operation by the library. */
export function fdchannel(operation: Operation, type?: SocketType): Side {
  const [near, far] = endpoints(type);
  const source = openSync('/dev/null', 'r');
  const received = new Int32Array(CHUNK);
  let held = 0;
  return sideOf(
    {
      name: FDCHANNEL,
      pass(count) {
        for (let i = 0; i < count; i++) {
          near.sendFD(source);
          closeFD(far.recvFD());
        }
      },
      send(count) {
        for (let i = 0; i < count; i++) near.sendFD(source);
      },
      receive(count) {
        for (let i = 0; i < count; i++) received[held++] = far.recvFD();
      },
      release(count) {
        for (let i = 0; i < count; i++) closeFD(received[--held] as number);
      },
      wouldBlock(count) {
        for (let i = 0; i < count; i++) {
          if (far.tryRecvFD() !== undefined) throw new Error('received what nobody sent');
        }
      },
      close() {
        near.destroy();
        far.destroy();
        closeSync(source);
      },
    },
    operation,
  );
}
