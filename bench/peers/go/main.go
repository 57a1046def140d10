// The same channel with the system calls of Go's standard library, on buffers that are built once.
package main

import (
	"bufio"
	"fmt"
	"log"
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
	pass := func(count int) {
		for i := 0; i < count; i++ {
			send(ends[0], source, outgoing)
			syscall.Close(receive(ends[1], incoming))
		}
	}

	out := bufio.NewWriter(os.Stdout)
	for {
		var verb, operation string
		var count int
		if _, err := fmt.Scanln(&verb, &operation, &count); err != nil {
			return
		}
		if verb == "batch" {
			start := time.Now()
			pass(count)
			fmt.Fprintln(out, time.Since(start).Nanoseconds())
		} else {
			times := make([]int64, count)
			for i := range times {
				start := time.Now()
				pass(1)
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
