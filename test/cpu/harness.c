/*
 * Runs instruction cases on the host CPU. Each case is a register state and a few bytes of data; its code lies in a
 * code image, followed by int3. A case is started by returning from a signal handler into its state, and ends in
 * the handler again: with SIGTRAP after the instruction, or with the signal it caused. No assembly is needed, and all state,
 * x87 and SSE included, travels through the signal frame.
 *
 * harness <cases> <code image> <pristine data> <results> <64|32>
 * 32-bit cases run in compatibility mode: the frame they are started from has that code selector.
 * Layouts and addresses: case-layout.ts, which must agree. After the first case nothing of libc may be used: fs is the cases'.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE 0x10000000UL
#define DATA 0x20000000UL
#define FS_BASE (DATA + 0x100)
#define GS_BASE (DATA + 0x200)
#define FS_BYTES 0x1800 /* in 32-bit mode */
#define DATA_PAGES 3
#define DATA_BYTES (DATA_PAGES * 4096)
#define PATCH_BYTES 64

struct test_case {
  uint64_t gpr[16]; /* encoding order */
  uint64_t rip, rflags;
  uint32_t mxcsr, patch_offset;
  uint16_t fcw, fsw, ftw, fop;
  uint8_t xmm[16][16];
  uint8_t st[8][16];
  uint8_t patch[PATCH_BYTES];
};

struct result {
  uint64_t gpr[16];
  uint64_t rip, rflags;
  uint32_t mxcsr, signal;
  uint16_t fcw, fsw, ftw, fop;
  uint8_t xmm[16][16];
  uint8_t st[8][16];
  uint32_t trap, error;
  uint64_t cr2;
  uint32_t first, last, hash, pad; /* changed data: 32-bit words first..last, FNV-1a over them; first > last: none */
  uint8_t span[32];                /* the first bytes of it */
};

static const int GREG[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                             REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static struct test_case *cases;
static struct result *results;
static long count, current = -1;
static uint16_t code_selector;
static uint32_t *data; /* writable view of the cases' data */
static uint32_t pristine[DATA_BYTES / 4], before[DATA_BYTES / 4];

static void copy(void *to, const void *from, unsigned long bytes) {
  for (unsigned long i = 0; i < bytes; i++) ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
}

static void save(struct result *r, int signal, ucontext_t *uc) {
  greg_t *g = uc->uc_mcontext.gregs;
  struct _libc_fpstate *fp = uc->uc_mcontext.fpregs;
  for (int i = 0; i < 16; i++) r->gpr[i] = g[GREG[i]];
  r->rip = g[REG_RIP];
  r->rflags = g[REG_EFL];
  r->mxcsr = fp->mxcsr;
  r->signal = signal;
  r->fcw = fp->cwd;
  r->fsw = fp->swd;
  r->ftw = fp->ftw;
  r->fop = fp->fop;
  copy(r->xmm, fp->_xmm, 256);
  copy(r->st, fp->_st, 128);
  r->trap = g[REG_TRAPNO];
  r->error = g[REG_ERR];
  r->cr2 = g[REG_CR2];
  uint32_t first = DATA_BYTES / 4, last = 0, hash = 2166136261u;
  for (uint32_t i = 0; i < DATA_BYTES / 4; i++)
    if (data[i] != before[i]) {
      if (first == DATA_BYTES / 4) first = i;
      last = i;
    }
  r->first = first;
  r->last = last;
  if (first <= last) {
    for (uint32_t i = first; i <= last; i++) hash = (hash ^ data[i]) * 16777619u;
    for (uint32_t i = 0; i < 8 && first + i < DATA_BYTES / 4; i++) copy(r->span + 4 * i, &data[first + i], 4);
    for (uint32_t i = first; i <= last; i++) data[i] = before[i];
  }
  r->hash = hash;
}

static void load(const struct test_case *c, ucontext_t *uc) {
  greg_t *g = uc->uc_mcontext.gregs;
  struct _libc_fpstate *fp = uc->uc_mcontext.fpregs;
  for (int i = 0; i < 16; i++) g[GREG[i]] = c->gpr[i];
  g[REG_RIP] = c->rip;
  g[REG_EFL] = c->rflags;
  g[REG_CSGSFS] = (g[REG_CSGSFS] & ~0xffffL) | code_selector;
  fp->mxcsr = c->mxcsr;
  fp->cwd = c->fcw;
  fp->swd = c->fsw;
  fp->ftw = c->ftw;
  fp->fop = 0;
  fp->rip = 0;
  fp->rdp = 0;
  copy(fp->_xmm, c->xmm, 256);
  copy(fp->_st, c->st, 128);
  /* The kernel restores x87 and SSE from here only if the extended header says that they are not in their initial state. */
  uint32_t *software = (uint32_t *)((uint8_t *)fp + 464);
  if (software[0] == 0x46505853u) *(uint64_t *)((uint8_t *)fp + 512) |= 3;
}

static void patch(const struct test_case *c, int undo) {
  const uint8_t *from = undo ? (uint8_t *)pristine + c->patch_offset : c->patch;
  copy((uint8_t *)data + c->patch_offset, from, PATCH_BYTES);
  copy((uint8_t *)before + c->patch_offset, from, PATCH_BYTES);
}

static void raw_exit(int status) {
  for (;;) __asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(status) : "rcx", "r11", "memory");
}

static void handler(int signal, siginfo_t *info, void *context) {
  (void)info;
  if (current >= 0) {
    save(&results[current], signal, context);
    patch(&cases[current], 1);
  }
  if (++current >= count) raw_exit(0);
  patch(&cases[current], 0);
  load(&cases[current], context);
}

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static void *map_file(const char *path, int writable, void *at, int protection, long *bytes) {
  int fd = open(path, writable ? O_RDWR : O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) fail(path);
  void *p = mmap(at, st.st_size, protection, (writable ? MAP_SHARED : MAP_PRIVATE) | (at ? MAP_FIXED : 0), fd, 0);
  if (p == MAP_FAILED) fail(path);
  if (bytes) *bytes = st.st_size;
  close(fd);
  return p;
}

int main(int argc, char **argv) {
  long bytes;
  if (argc != 6) return 2;
  /* The heap may be anywhere in the gigabyte behind the program, also where cases mean to find nothing. */
  if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
    personality(ADDR_NO_RANDOMIZE);
    execv("/proc/self/exe", argv);
    fail("execv");
  }
  code_selector = atoi(argv[5]) == 32 ? 0x23 : 0x33;
  cases = map_file(argv[1], 0, 0, PROT_READ, &bytes);
  count = bytes / sizeof(struct test_case);
  map_file(argv[2], 0, (void *)CODE, PROT_READ | PROT_EXEC, 0);
  void *image = map_file(argv[3], 0, 0, PROT_READ, 0);
  results = map_file(argv[4], 1, 0, PROT_READ | PROT_WRITE, 0);
  memcpy(pristine, image, DATA_BYTES);
  memcpy(before, image, DATA_BYTES);
  int fd = memfd_create("data", 0);
  if (fd < 0 || ftruncate(fd, DATA_BYTES) < 0) fail("memfd");
  data = mmap(0, DATA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  memcpy(data, image, DATA_BYTES);
  if (mmap((void *)DATA, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED) fail("data");
  if (mmap((void *)(DATA + 2 * 4096), 4096, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 2 * 4096) == MAP_FAILED) fail("data");
  static uint8_t stack[1 << 16];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  if (sigaltstack(&alternate, 0) < 0) fail("sigaltstack");
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
  /* LSL of one selector gives the processor's number. */
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);
  alarm(120);
  __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es" : : "r"(0x2b)); /* what 32-bit cases address through */
  if (code_selector == 0x23) {
    /* fs and gs are TLS entries 12 and 13, which only the 32-bit system call makes. */
    struct user_desc *d = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    d[0] = (struct user_desc){.entry_number = 12, .base_addr = FS_BASE, .limit = FS_BYTES - 1, .seg_32bit = 1, .useable = 1};
    d[1] = (struct user_desc){.entry_number = 13, .base_addr = GS_BASE, .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1, .useable = 1};
    for (int i = 0; i < 2; i++) {
      int result;
      __asm__ volatile("int $0x80" : "=a"(result) : "0"(243), "b"(&d[i]) : "memory", "r8", "r9", "r10", "r11");
      if (result != 0) return 4;
    }
    munmap(d, 4096);
    __asm__ volatile("mov %0,%%gs\n\tmov %1,%%fs\n\tint3" : : "r"(13 * 8 + 3), "r"(12 * 8 + 3) : "memory");
    return 3;
  }
  syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
  __asm__ volatile("syscall\n\tint3" : : "a"(SYS_arch_prctl), "D"(ARCH_SET_FS), "S"(FS_BASE) : "rcx", "r11", "memory");
  return 3;
}
