import { roundTrip } from '../sides/round-trip.ts';

export default roundTrip({
  name: 'round-trip-one-processor',
  title: 'Round trip between two processes on one processor: there and back, and no processor to wake',
  processors: 1,
});
