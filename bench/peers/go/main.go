// The same channel with the system calls of Go's standard library, on buffers that are built once; and messages by its
// net package.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

type message struct {
	header  syscall.Msghdr
	control [24]byte // CMSG_SPACE of one descriptor
}

func newMessage() *message {
	m := &message{}
	m.header.Control = &m.control[0]
	m.header.SetControllen(syscall.CmsgLen(4))
	head := m.head()
	head.SetLen(syscall.CmsgLen(4))
	head.Level = syscall.SOL_SOCKET
	head.Type = syscall.SCM_RIGHTS
	return m
}

func (m *message) head() *syscall.Cmsghdr {
	return (*syscall.Cmsghdr)(unsafe.Pointer(&m.control[0]))
}

func (m *message) descriptor() *int32 {
	return (*int32)(unsafe.Pointer(&m.control[syscall.CmsgLen(0)]))
}

func send(sockfd, fd int, m *message) {
	*m.descriptor() = int32(fd)
	for {
		_, _, errno := syscall.Syscall(syscall.SYS_SENDMSG, uintptr(sockfd),
			uintptr(unsafe.Pointer(&m.header)), syscall.MSG_NOSIGNAL)
		if errno == 0 {
			return
		}
		if errno != syscall.EINTR {
			log.Fatal("sendmsg: ", errno)
		}
	}
}

func receive(sockfd int, m *message) int {
	m.header.SetControllen(syscall.CmsgLen(4))
	for {
		_, _, errno := syscall.Syscall(syscall.SYS_RECVMSG, uintptr(sockfd),
			uintptr(unsafe.Pointer(&m.header)), syscall.MSG_CMSG_CLOEXEC)
		if errno == 0 {
			break
		}
		if errno != syscall.EINTR {
			log.Fatal("recvmsg: ", errno)
		}
	}
	head := m.head()
	if int(m.header.Controllen) != syscall.CmsgLen(4) || int(head.Len) != syscall.CmsgLen(4) ||
		head.Level != syscall.SOL_SOCKET || head.Type != syscall.SCM_RIGHTS ||
		m.header.Flags&syscall.MSG_CTRUNC != 0 {
		log.Fatal("recvmsg: not one descriptor")
	}
	return int(*m.descriptor())
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// The net package's connection around one end of a pair.
func connection(sockfd int) *net.UnixConn {
	file := os.NewFile(uintptr(sockfd), "socket")
	defer file.Close()
	return must(net.FileConn(file)).(*net.UnixConn)
}

// A message of 64 bytes with one descriptor, as the net package sends and receives it.
func messages(near, far *net.UnixConn, source int) func(count int) {
	data, received := make([]byte, 64), make([]byte, 65536)
	control := make([]byte, syscall.CmsgSpace(4*253))
	return func(count int) {
		for i := 0; i < count; i++ {
			if _, _, err := near.WriteMsgUnix(data, syscall.UnixRights(source), nil); err != nil {
				log.Fatal("WriteMsgUnix: ", err)
			}
			n, controls, flags, _, err := far.ReadMsgUnix(received, control)
			if err != nil || n != len(data) || flags&(syscall.MSG_TRUNC|syscall.MSG_CTRUNC) != 0 {
				log.Fatal("ReadMsgUnix: not the message: ", err)
			}
			for _, message := range must(syscall.ParseSocketControlMessage(control[:controls])) {
				for _, fd := range must(syscall.ParseUnixRights(&message)) {
					syscall.Close(fd)
				}
			}
		}
	}
}

func main() {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		log.Fatal("socketpair: ", err)
	}
	source, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		log.Fatal("open: ", err)
	}
	outgoing, incoming := newMessage(), newMessage()
	run := func(count int) {
		for i := 0; i < count; i++ {
			send(ends[0], source, outgoing)
			syscall.Close(receive(ends[1], incoming))
		}
	}

	var messaging func(count int)
	out := bufio.NewWriter(os.Stdout)
	for {
		var verb, operation string
		var count int
		if _, err := fmt.Scanln(&verb, &operation, &count); err != nil {
			return
		}
		if operation == "message" && messaging == nil {
			messaging = messages(connection(ends[0]), connection(ends[1]), source)
			run = messaging
		}
		if verb == "batch" {
			start := time.Now()
			run(count)
			fmt.Fprintln(out, time.Since(start).Nanoseconds())
		} else {
			times := make([]int64, count)
			for i := range times {
				start := time.Now()
				run(1)
				times[i] = time.Since(start).Nanoseconds()
			}
			for i, t := range times {
				if i > 0 {
					out.WriteByte(' ')
				}
				fmt.Fprint(out, t)
			}
			out.WriteByte('\n')
		}
		out.Flush()
	}
}
