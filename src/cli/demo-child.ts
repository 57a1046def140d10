// The other process of the demonstration, which has its end of the channel as a descriptor.
import { ChannelError, closeFD, newEndpoint } from '../index.ts';
import { fileOf, namelessFile, tell, textOf } from './demo-files.ts';

function child(socket: number, roundTrips: number): void {
  const channel = newEndpoint(socket);
  const received = channel.recvFD();
  tell('child', `received it as descriptor ${received}, which is ${fileOf(received)}`);
  tell('child', `read "${textOf(received)}" through it`);

  const answer = namelessFile(`seen by process ${process.pid}`);
  tell('child', `sends back descriptor ${answer}: ${fileOf(answer)}`);
  channel.sendFD(answer);

  for (let i = 0; i < roundTrips; i++) {
    const fd = channel.recvFD();
    channel.sendFD(fd);
    closeFD(fd);
  }
  channel.destroy();
}

try {
  const [socket, roundTrips] = process.argv.slice(2).map(Number) as [number, number];
  child(socket, roundTrips);
} catch (error) {
  process.exitCode = 1;
  // The parent has ended, because nobody reads any more, or says itself why.
  const parentGone = error instanceof ChannelError && error.code === 'ERR_FDCHANNEL_ENDED';
  if (!parentGone) console.error(`fdchannel: ${error instanceof Error ? error.message : error}`);
}
