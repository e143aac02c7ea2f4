/** The constants of timerfd. */
export interface TimerConstants {
  // timerfd_create(2), clock_gettime(2)
  readonly CLOCK_REALTIME: number;
  readonly CLOCK_MONOTONIC: number;
  readonly CLOCK_BOOTTIME: number;
  readonly CLOCK_REALTIME_ALARM: number;
  readonly CLOCK_BOOTTIME_ALARM: number;
  readonly TFD_NONBLOCK: number;
  readonly TFD_TIMER_ABSTIME: number;
  readonly TFD_TIMER_CANCEL_ON_SET: number;
}
