// The same as echo.ts by koffi's own calls.
import { BareEndpoint, close, END } from './bare-endpoint.ts';
import { watchOnLoop } from './bare-loop.ts';
import { confineFarEnd } from './processors.ts';

confineFarEnd();
const endpoint = new BareEndpoint(3);

function blocking(): void {
  for (let fd = endpoint.receive(); fd !== END; fd = endpoint.receive()) answer(fd);
}

function onTheLoop(): void {
  const watch = watchOnLoop([endpoint.fd], () => {
    const fd = endpoint.tryReceive();
    if (fd === END) watch.close();
    else answer(fd);
  });
}

function answer(fd: number): void {
  endpoint.send(fd);
  close(fd);
}

if (process.argv[2] === 'async') onTheLoop();
else blocking();
