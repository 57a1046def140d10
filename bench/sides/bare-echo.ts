// The same as echo.ts by koffi's own calls.
import { BareEndpoint, close, END } from './bare-endpoint.ts';
import { confineFarEnd } from './processors.ts';

confineFarEnd();
const endpoint = new BareEndpoint(3);
for (let fd = endpoint.receive(); fd !== END; fd = endpoint.receive()) {
  endpoint.send(fd);
  close(fd);
}
