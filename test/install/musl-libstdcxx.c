/**
 * What Debian's libstdc++.a and libgcc_eh.a take from glibc and musl 1.2.3 has not: with it they become the shared
 * libstdc++ that Bun for musl needs, and that Debian has not for musl.
 */

char __libc_single_threaded = 0;

/** Not found: the unwinder then uses dl_iterate_phdr(3). */
int _dl_find_object(void *address, void *result) {
  (void)address;
  (void)result;
  return -1;
}

/** Of std::random_device, which Bun does not use. */
unsigned arc4random(void) { return 4; }

__attribute__((visibility("hidden"))) void *__dso_handle = &__dso_handle;
