/* What differs between x86-64 and i386: how the host is called, registers, and where an address space ends. */
#ifndef ARCH_H
#define ARCH_H
#include <asm/unistd.h>
#include <elf.h>

typedef unsigned long ulong;

#define SYSCALL_LENGTH 2
#define TABLE_ENTRIES (4096 / sizeof(ulong))

#ifdef __x86_64__

#define HOST_TOP 0x7ffffffff000ul          /* end of a process's memory on the host */
#define TABLE_BITS 9
#define TABLE_TOP 39                       /* lowest address bit that selects in the first table */
#define NR_MMAP __NR_mmap
#define MMAP_OFFSET(page) ((page) * 4096ul)
typedef Elf64_Ehdr elf_header;
typedef Elf64_Phdr elf_segment;

#define NUMBER(regs) ((regs)->orig_rax)
#define RESULT(regs) ((regs)->rax)
#define PC(regs) ((regs)->rip)
#define SP(regs) ((regs)->rsp)
#define ARGUMENTS(regs) { (regs)->rdi, (regs)->rsi, (regs)->rdx, (regs)->r10, (regs)->r8, (regs)->r9 }
#define HOST_NUMBER offsetof(struct user, regs.orig_rax) /* for PTRACE_PEEKUSER */
/* A signal frame's registers: name in user_regs_struct, index in gregs. */
#define EACH_REGISTER(X) \
	X(r8, R8) X(r9, R9) X(r10, R10) X(r11, R11) X(r12, R12) X(r13, R13) X(r14, R14) X(r15, R15) X(rdi, RDI) X(rsi, RSI) \
	X(rbp, RBP) X(rbx, RBX) X(rdx, RDX) X(rax, RAX) X(rcx, RCX) X(rsp, RSP) X(rip, RIP) X(eflags, EFL)
#define FAULT_ADDRESS(context) ((context)->uc_mcontext.gregs[REG_CR2])

static inline long call6(long nr, ulong a, ulong b, ulong c, ulong d, ulong e, ulong f)
{
	register ulong r10 asm("r10") = d;
	register ulong r8 asm("r8") = e;
	register ulong r9 asm("r9") = f;
	long result;
	asm volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return result;
}

/* Starts fn(argument) on another stack; clone's result in the caller. */
static inline long clone_on(ulong flags, void *stack_top, void (*fn)(void *), void *argument)
{
	ulong *stack = stack_top;
	long result;
	*--stack = (ulong)argument;
	*--stack = (ulong)fn;
	asm volatile(
		"syscall\n test %%rax, %%rax\n jnz 1f\n"
		"pop %%rax\n pop %%rdi\n xor %%ebp, %%ebp\n call *%%rax\n ud2\n1:"
		: "=a"(result) : "a"(__NR_clone), "D"(flags), "S"(stack), "d"(0ul) : "rcx", "r11", "r8", "r9", "r10", "memory");
	return result;
}

/* Where a program starts: `start` gets the stack as the host built it, argc first. */
#define ENTRY(start) asm(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call " #start "\n ud2\n")
#define RETURN_TO_USER(name) asm(#name ": mov $15, %eax\n syscall\n") /* rt_sigreturn */

#else

#define HOST_TOP 0xffffe000ul
#define TABLE_BITS 10
#define TABLE_TOP 22
#define NR_MMAP __NR_mmap2
#define MMAP_OFFSET(page) (page)
typedef Elf32_Ehdr elf_header;
typedef Elf32_Phdr elf_segment;

#define NUMBER(regs) ((regs)->orig_eax)
#define RESULT(regs) ((regs)->eax)
#define PC(regs) ((regs)->eip)
#define SP(regs) ((regs)->esp)
#define ARGUMENTS(regs) { (regs)->ebx, (regs)->ecx, (regs)->edx, (regs)->esi, (regs)->edi, (regs)->ebp }
#define HOST_NUMBER offsetof(struct user, regs.orig_eax)
#define EACH_REGISTER(X) X(edi, EDI) X(esi, ESI) X(ebp, EBP) X(esp, ESP) X(ebx, EBX) X(edx, EDX) X(ecx, ECX) X(eax, EAX) X(eip, EIP) X(eflags, EFL)
#define FAULT_ADDRESS(context) ((context)->uc_mcontext.cr2)

static inline long call6(long nr, ulong a, ulong b, ulong c, ulong d, ulong e, ulong f)
{
	long result;
	asm volatile(
		"push %[f]\n push %%ebp\n mov 4(%%esp), %%ebp\n int $0x80\n pop %%ebp\n add $4, %%esp"
		: "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "g"(f) : "memory");
	return result;
}

static inline long clone_on(ulong flags, void *stack_top, void (*fn)(void *), void *argument)
{
	ulong *stack = stack_top;
	long result;
	stack -= 3; /* aligned where fn is called */
	*--stack = (ulong)argument;
	*--stack = (ulong)fn;
	asm volatile(
		"int $0x80\n test %%eax, %%eax\n jnz 1f\n"
		"pop %%eax\n xor %%ebp, %%ebp\n call *%%eax\n ud2\n1:"
		: "=a"(result) : "a"(__NR_clone), "b"(flags), "c"(stack), "d"(0ul), "S"(0ul), "D"(0ul) : "memory");
	return result;
}

#define ENTRY(start) asm(".globl _start\n_start: xor %ebp, %ebp\n mov %esp, %eax\n and $-16, %esp\n sub $12, %esp\n push %eax\n call " #start "\n ud2\n")
#define RETURN_TO_USER(name) asm(#name ": mov $173, %eax\n int $0x80\n")

#endif
#endif
