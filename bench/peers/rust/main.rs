//! libc's sendmsg and recvmsg from Rust, on buffers that are built once; declared here for 64-bit glibc, so
//! that nothing has to be downloaded.
use std::ffi::c_void;
use std::fs::File;
use std::io::{self, BufRead, Error, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::time::Instant;

const AF_UNIX: i32 = 1;
const SOCK_SEQPACKET: i32 = 5;
const SOCK_CLOEXEC: i32 = 0o2000000;
const SOL_SOCKET: i32 = 1;
const SCM_RIGHTS: i32 = 1;
const MSG_CTRUNC: i32 = 0x08;
const MSG_NOSIGNAL: i32 = 0x4000;
const MSG_CMSG_CLOEXEC: i32 = 0x4000_0000;
const CMSG_LEN_1: usize = 20;

#[repr(C)]
struct MsgHdr {
    name: *mut c_void,
    namelen: u32,
    iov: *mut c_void,
    iovlen: usize,
    control: *mut Control,
    controllen: usize,
    flags: i32,
}

#[repr(C, align(8))]
struct Control {
    len: usize,
    level: i32,
    kind: i32,
    descriptor: i32,
}

extern "C" {
    fn socketpair(domain: i32, kind: i32, protocol: i32, sv: *mut i32) -> i32;
    fn sendmsg(sockfd: i32, msg: *const MsgHdr, flags: i32) -> isize;
    fn recvmsg(sockfd: i32, msg: *mut MsgHdr, flags: i32) -> isize;
    fn close(fd: i32) -> i32;
}

struct Message {
    header: MsgHdr,
    control: Box<Control>,
}

impl Message {
    fn new() -> Self {
        let mut control =
            Box::new(Control { len: CMSG_LEN_1, level: SOL_SOCKET, kind: SCM_RIGHTS, descriptor: -1 });
        let header = MsgHdr {
            name: std::ptr::null_mut(),
            namelen: 0,
            iov: std::ptr::null_mut(),
            iovlen: 0,
            control: &mut *control,
            controllen: CMSG_LEN_1,
            flags: 0,
        };
        Message { header, control }
    }

    fn send(&mut self, sockfd: i32, fd: i32) {
        unsafe { std::ptr::write_volatile(&mut self.control.descriptor, fd) };
        retry(|| unsafe { sendmsg(sockfd, &self.header, MSG_NOSIGNAL) });
    }

    fn receive(&mut self, sockfd: i32) -> i32 {
        self.header.controllen = CMSG_LEN_1;
        let header = &mut self.header;
        retry(|| unsafe { recvmsg(sockfd, header, MSG_CMSG_CLOEXEC) });
        let control = unsafe { std::ptr::read_volatile(header.control) };
        assert!(
            header.controllen == CMSG_LEN_1
                && (control.len, control.level, control.kind) == (CMSG_LEN_1, SOL_SOCKET, SCM_RIGHTS)
                && header.flags & MSG_CTRUNC == 0,
            "recvmsg: not one descriptor"
        );
        control.descriptor
    }
}

fn retry(mut call: impl FnMut() -> isize) {
    while call() < 0 {
        let error = Error::last_os_error();
        assert!(error.kind() == ErrorKind::Interrupted, "{error}");
    }
}

fn main() {
    let mut ends = [0; 2];
    retry(|| unsafe { socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.as_mut_ptr()) as isize });
    let source = File::open("/dev/null").expect("/dev/null");
    let (mut outgoing, mut incoming) = (Message::new(), Message::new());
    let mut pass = |count: usize| {
        for _ in 0..count {
            outgoing.send(ends[0], source.as_raw_fd());
            let fd = incoming.receive(ends[1]);
            unsafe { close(fd) };
        }
    };

    let mut out = io::stdout();
    for line in io::stdin().lock().lines() {
        let line = line.expect("a line");
        let mut words = line.split(' ');
        let verb = words.next();
        let count: usize = words.nth(1).and_then(|word| word.parse().ok()).expect("a count");
        if verb == Some("batch") {
            let start = Instant::now();
            pass(count);
            writeln!(out, "{}", start.elapsed().as_nanos()).expect("stdout");
        } else {
            let mut times = Vec::with_capacity(count);
            for _ in 0..count {
                let start = Instant::now();
                pass(1);
                times.push(start.elapsed().as_nanos());
            }
            let times: Vec<String> = times.iter().map(u128::to_string).collect();
            writeln!(out, "{}", times.join(" ")).expect("stdout");
        }
    }
}
