# Ruby's UNIXSocket#send_io and #recv_io: one byte of a stream with each descriptor, an IO object around it.
require 'socket'

near, far = UNIXSocket.pair
source = File.open(File::NULL)
now = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) }
pass = lambda do |count|
  count.times do
    near.send_io(source)
    far.recv_io.close
  end
end

$stdout.sync = true
$stdin.each_line do |line|
  verb, _, count = line.split
  if verb == 'batch'
    start = now.call
    pass.call(count.to_i)
    puts now.call - start
  else
    times = Array.new(count.to_i) do
      start = now.call
      pass.call(1)
      now.call - start
    end
    puts times.join(' ')
  end
end
