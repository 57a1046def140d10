import { roundTrip } from '../sides/round-trip.ts';

export default roundTrip({
  name: 'round-trip-two-processors',
  title: 'Round trip between two processes on a processor each: there and back, each wakes the other',
  processors: 2,
});
