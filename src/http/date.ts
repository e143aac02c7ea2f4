const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The length of an IMF-fixdate, RFC 9110 section 5.6.7. */
export const DATE_BYTES = 29;

/** Formats as IMF-fixdate, which toUTCString is: `Sun, 06 Nov 1994 08:49:37 GMT`. Years 0 to 9999. */
export const formatDate = (epochMs: number): string => new Date(epochMs).toUTCString();

const IMF_FIXDATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const RFC850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/**
 * Parses any of the three formats of RFC 9110 section 5.6.7. Returns milliseconds since the epoch, or NaN. A two-digit
 * year that would be more than 50 years after `nowMs` belongs to the century before.
 */
export function parseDate(text: string, nowMs: number): number {
  const fixdate = IMF_FIXDATE.exec(text);
  if (fixdate) return utc(fixdate[3]!, fixdate[2]!, fixdate[1]!, fixdate[4]!, fixdate[5]!, fixdate[6]!);
  const asctime = ASCTIME.exec(text);
  if (asctime) return utc(asctime[6]!, asctime[1]!, asctime[2]!, asctime[3]!, asctime[4]!, asctime[5]!);
  const rfc850 = RFC850.exec(text);
  if (!rfc850) return Number.NaN;
  const inYear = (year: number) => utc(String(year), rfc850[2]!, rfc850[1]!, rfc850[4]!, rfc850[5]!, rfc850[6]!);
  const now = new Date(nowMs);
  const thisYear = now.getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(rfc850[3]);
  const at = inYear(year);
  return at > now.setUTCFullYear(thisYear + 50) ? inYear(year - 100) : at;
}

function utc(year: string, month: string, day: string, hour: string, minute: string, second: string): number {
  const at = [Number(year), MONTHS.indexOf(month), Number(day), Number(hour), Number(minute), Number(second)] as const;
  const [y, mon, d, h, m, s] = at;
  // A leap second is valid. The 30th of February is not: Date moves it to March.
  if (mon < 0 || h > 23 || m > 59 || s > 60) return Number.NaN;
  const date = new Date(0);
  date.setUTCFullYear(y, mon, d);
  if (date.getUTCDate() !== d) return Number.NaN;
  return date.setUTCHours(h, m, s);
}

/** The current second as the value of Date, formatted once a second and shared by every head. */
export class DateClock {
  second = -1;
  readonly bytes: Buffer = Buffer.alloc(DATE_BYTES);
  text = ' '.repeat(DATE_BYTES);
  /** The same in the format of access logs: `21/Nov/2026:06:33:00 +0000`. */
  logStamp = '';
  /** The same without its fraction and zone: `2026-11-21T06:33:00`. */
  isoSecond = '';
  /** When the current second began, on the monotonic clock. */
  private secondStartMs = 0;

  /**
   * @param wallMs milliseconds since the epoch
   * @param nowMs the same moment on a monotonic clock
   */
  tick(wallMs: number, nowMs = 0): void {
    this.secondStartMs = nowMs - (wallMs % 1000);
    const second = Math.floor(wallMs / 1000);
    if (second === this.second) return;
    this.second = second;
    const text = formatDate(wallMs);
    this.bytes.write(text, 'latin1');
    this.text = text;
    this.logStamp = `${text.slice(5, 7)}/${text.slice(8, 11)}/${text.slice(12, 16)}:${text.slice(17, 25)} +0000`;
    this.isoSecond = new Date(second * 1000).toISOString().slice(0, -'.000Z'.length);
  }

  /** The millisecond of the current second, 0 to 999, at a time on the monotonic clock. */
  millisecondAt(nowMs: number): number {
    return Math.max(0, Math.min(999, Math.floor(nowMs - this.secondStartMs)));
  }
}
