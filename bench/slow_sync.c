/* Loaded before all other libraries into Postgres: every sync of a file takes a millisecond longer, as on the volumes that
 * clouds rent out. Built by the benchmark `wake`: cc -shared -fPIC -O2 -o slow_sync.so slow_sync.c */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_a_millisecond(void)
{
    struct timespec rest = {0, 1000000};

    while (nanosleep(&rest, &rest) != 0)
        ;
}

int fsync(int file)
{
    wait_a_millisecond();
    return (int) syscall(SYS_fsync, file);
}

int fdatasync(int file)
{
    wait_a_millisecond();
    return (int) syscall(SYS_fdatasync, file);
}
