// What floor.c and messages.c share.

struct operation {
  const char *name;
  int type, chunk;
  void (*run)(void), (*before)(int), (*after)(int), (*start)(void);
};

extern int ends[2]; // what is sent on the first is received on the second
extern int source;

void fail(const char *what);
void close_fd(int fd);
int wait_by_epoll(int sockfd); // registers a socket once, and waits until it is readable

// Ends with one that has no name.
extern const struct operation message_operations[];
