/* Many threads that sleep while the first one spins: for lists of threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

volatile long spins;

static void *sleeper(void *argument) {
    pause();
    return argument;
}

__attribute__((noinline)) void all_started(void) { __asm__ volatile (""); }

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 499;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 32768);
    for (int i = 0; i < n; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, sleeper, 0)) return 1;
    }
    all_started();
    for (;;) spins++;
}
