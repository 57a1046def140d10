import { roundTrip } from '../sides/round-trip.ts';

export default roundTrip({
  name: 'round-trip',
  title: 'Round trip between two processes: there and back, wherever the scheduler places them',
});
