/* Memory of the miniature kernel: physical pages, page tables, faults, copy-on-write. */
#include <string.h>
#include "kernel.h"

/* Entries of a table: a page's number above twelve bits of flags. The kernel's tables are what counts; the host's mappings follow them. */
enum { PRESENT = 1, COPY = 2 };
#define ENTRIES (int)TABLE_ENTRIES

char *physical;
int physical_file;
static unsigned short references[PHYSICAL_PAGES];
static int next_page;

void *memcpy(void *to, const void *from, size_t count)
{
	char *t = to;
	for (const char *f = from; count > 0; count--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int value, size_t count)
{
	for (char *t = to; count > 0; count--)
		*t++ = value;
	return to;
}

static void copy_page(int to, int from)
{
	ulong *t = page_address(to), *f = page_address(from);
	for (int i = 0; i < ENTRIES; i++)
		t[i] = f[i];
}

int page_get(void)
{
	for (int tried = 0; tried < PHYSICAL_PAGES; tried++) {
		int page = next_page;
		next_page = (next_page + 1) % PHYSICAL_PAGES;
		if (references[page] == 0) {
			ulong *words = page_address(page);
			references[page] = 1;
			for (int i = 0; i < ENTRIES; i++)
				words[i] = 0;
			return page;
		}
	}
	return -1;
}

void page_put(int page)
{
	references[page]--;
}

/* The entry for an address; 0 when there is no table for it and none is wanted, or no memory for one. */
static ulong *entry_of(struct task *task, ulong address, int make)
{
	if (task->table == 0) {
		int page = page_get();
		if (page < 0)
			return 0;
		task->table = page_address(page);
	}
	ulong *table = task->table;
	for (int shift = TABLE_TOP; shift > 12; shift -= TABLE_BITS) {
		ulong *entry = &table[address >> shift & (ENTRIES - 1)];
		if (*entry == 0) {
			int page = make ? page_get() : -1;
			if (page < 0)
				return 0;
			*entry = (ulong)page << 12 | PRESENT;
		}
		table = page_address(*entry >> 12);
	}
	return &table[address >> 12 & (ENTRIES - 1)];
}

static struct area *area_of(struct task *task, ulong address)
{
	for (int i = 0; i < task->area_count; i++)
		if (address >= task->areas[i].start && address < task->areas[i].end)
			return &task->areas[i];
	return 0;
}

void add_area(struct task *task, ulong start, ulong end, int prot, ulong offset, ulong file_bytes, const char *name)
{
	if (task->area_count == AREAS)
		panic("too many areas");
	int at = task->area_count++;
	for (; at > 0 && task->areas[at - 1].start > start; at--)
		task->areas[at] = task->areas[at - 1];
	task->areas[at] = (struct area){ start, end, prot, offset, file_bytes, name };
}

static int fill(struct area *area, ulong page_start, int page)
{
	ulong into = page_start - area->start;
	if (into >= area->file_bytes)
		return 0;
	ulong count = area->file_bytes - into < PAGE ? area->file_bytes - into : PAGE;
	return call(__NR_pread64, program_file, page_address(page), count, area->offset + into, 0) == (long)count ? 0 : -1;
}

int fault_in(struct task *task, ulong address, int write)
{
	struct area *area = area_of(task, address);
	if (area == 0 || (area->prot & (write ? PROT_WRITE : PROT_READ | PROT_EXEC)) == 0)
		return -1;
	ulong start = address & -PAGE;
	ulong *entry = entry_of(task, start, 1);
	if (entry == 0)
		return -1;
	if (*entry == 0) {
		int page = page_get();
		if (page < 0 || fill(area, start, page) < 0)
			return -1;
		*entry = (ulong)page << 12 | PRESENT;
	} else if (write && (*entry & COPY) != 0) {
		int page = *entry >> 12;
		if (references[page] > 1) {
			int own = page_get();
			if (own < 0)
				return -1;
			copy_page(own, page);
			page_put(page);
			page = own;
		}
		*entry = (ulong)page << 12 | PRESENT;
	}
	host_map(task, start, *entry >> 12, (*entry & COPY) != 0 ? area->prot & ~PROT_WRITE : area->prot);
	return 0;
}

/* Copies between the kernel and a task's memory; -EFAULT. */
long copy_user(struct task *task, ulong address, void *bytes, size_t count, int write)
{
	for (size_t done = 0; done < count;) {
		ulong at = address + done;
		if (at >= task_top)
			return -EFAULT;
		ulong *entry = entry_of(task, at & -PAGE, 0);
		if (entry == 0 || *entry == 0 || (write && ((*entry & COPY) != 0 || (area_of(task, at)->prot & PROT_WRITE) == 0))) {
			if (fault_in(task, at, write) < 0)
				return -EFAULT;
			entry = entry_of(task, at & -PAGE, 0);
		}
		size_t piece = PAGE - at % PAGE < count - done ? PAGE - at % PAGE : count - done;
		char *user = (char *)page_address(*entry >> 12) + at % PAGE;
		memcpy(write ? user : (char *)bytes + done, write ? (char *)bytes + done : user, piece);
		done += piece;
	}
	return count;
}

/* Frees the pages of [start, end) and unmaps them. */
static void drop_pages(struct task *task, ulong start, ulong end)
{
	for (ulong at = start; at < end; at += PAGE) {
		ulong *entry = entry_of(task, at, 0);
		if (entry != 0 && *entry != 0) {
			page_put(*entry >> 12);
			*entry = 0;
		}
	}
}

/* munmap of whole areas, or of the end of one. */
void drop_range(struct task *task, ulong start, ulong end)
{
	drop_pages(task, start, end);
	host_unmap(task, start, end - start);
	int kept = 0;
	for (int i = 0; i < task->area_count; i++) {
		struct area area = task->areas[i];
		if (area.start >= start && area.end <= end)
			continue;
		if (area.end > start && area.end <= end)
			area.end = start;
		task->areas[kept++] = area;
	}
	task->area_count = kept;
}

/* The child shares its parent's pages, and neither may write until it has a copy of its own. */
int fork_memory(struct task *child, struct task *parent)
{
	child->area_count = parent->area_count;
	child->heap_start = parent->heap_start;
	child->heap_end = parent->heap_end;
	for (int i = 0; i < parent->area_count; i++) {
		struct area area = child->areas[i] = parent->areas[i];
		ulong run = 0;
		for (ulong at = area.start; at <= area.end; at += PAGE) {
			ulong *entry = at < area.end ? entry_of(parent, at, 0) : 0;
			int shared = entry != 0 && *entry != 0;
			int writable = shared && (area.prot & PROT_WRITE) != 0 && (*entry & COPY) == 0;
			if (writable && run == 0)
				run = at;
			if (!writable && run != 0) {
				host_protect(parent, run, at - run, area.prot & ~PROT_WRITE);
				run = 0;
			}
			if (!shared)
				continue;
			if ((area.prot & PROT_WRITE) != 0)
				*entry |= COPY;
			ulong *copy = entry_of(child, at, 1);
			if (copy == 0)
				return -1;
			*copy = *entry;
			references[*entry >> 12]++;
		}
	}
	return 0;
}

static void free_table(ulong *table, int levels)
{
	for (int i = 0; levels > 1 && i < ENTRIES; i++)
		if (table[i] != 0)
			free_table(page_address(table[i] >> 12), levels - 1);
	page_put(((char *)table - physical) / PAGE);
}

void free_memory(struct task *task)
{
	for (int i = 0; i < task->area_count; i++)
		drop_pages(task, task->areas[i].start, task->areas[i].end);
	task->area_count = 0;
	if (task->table != 0)
		free_table(task->table, (TABLE_TOP - 12) / TABLE_BITS + 1);
	task->table = 0;
}

/* /proc/self/maps: the ranges and what may be done with them. */
void maps_text(struct task *task, char *to)
{
	for (int i = 0; i < task->area_count; i++) {
		struct area *area = &task->areas[i];
		to = digits(to, area->start, 16, 8);
		*to++ = '-';
		to = digits(to, area->end, 16, 8);
		*to++ = ' ';
		*to++ = area->prot & PROT_READ ? 'r' : '-';
		*to++ = area->prot & PROT_WRITE ? 'w' : '-';
		*to++ = area->prot & PROT_EXEC ? 'x' : '-';
		*to++ = 'p';
		*to++ = ' ';
		for (const char *name = area->name; *name != 0;)
			*to++ = *name++;
		*to++ = '\n';
	}
	*to = 0;
}
