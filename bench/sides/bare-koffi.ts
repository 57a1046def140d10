import { closeSync, openSync } from 'node:fs';
import type { Side } from '../harness/question.ts';
import { BareEndpoint, close, type SocketType, socketpair } from './bare-endpoint.ts';
import { CHUNK, type Operation, sideOf } from './operation.ts';

export const BARE_KOFFI = 'koffi, bare';

/** One operation by koffi's own calls: what is left when the library is taken away. */
export function bareKoffi(operation: Operation, type: SocketType = 'seqpacket'): Side {
  const [near, far] = socketpair(type).map((fd) => new BareEndpoint(fd, type)) as [
    BareEndpoint,
    BareEndpoint,
  ];
  const source = openSync('/dev/null', 'r');
  const received = new Int32Array(CHUNK);
  let held = 0;
  return sideOf(
    {
      name: BARE_KOFFI,
      pass(count) {
        for (let i = 0; i < count; i++) {
          near.send(source);
          close(far.receive());
        }
      },
      send(count) {
        for (let i = 0; i < count; i++) near.send(source);
      },
      receive(count) {
        for (let i = 0; i < count; i++) received[held++] = far.receive();
      },
      release(count) {
        for (let i = 0; i < count; i++) close(received[--held] as number);
      },
      wouldBlock(count) {
        for (let i = 0; i < count; i++) {
          if (far.tryReceive() >= 0) throw new Error('received what nobody sent');
        }
      },
      close() {
        near.close();
        far.close();
        closeSync(source);
      },
    },
    operation,
  );
}
