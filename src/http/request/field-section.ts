import { equalsIgnoreCase, FIELD_ID_COUNT, listElements } from '../headers.js';
import { latin1 } from '../text.js';

const CLOSE = Buffer.from('close');
const KEEP_ALIVE = Buffer.from('keep-alive');
const UPGRADE = Buffer.from('upgrade');

/** The positions of a head's fields, and what the parser has found out about them on its way. */
export class FieldSection {
  count = 0;
  /** Four positions for each field, relative to the section's start: of its name, start and end; of its value, both. */
  readonly positions: Int32Array;
  /** One bit for each known field that is present. */
  presentMask = 0;
  /** One bit for each known field that is present more than once. */
  repeated = 0;
  /** For each known field that is present, the index of its last occurrence in `positions`. */
  readonly fieldIds: Int32Array = new Int32Array(FIELD_ID_COUNT);
  /** Whether the value of the last Host field is valid. */
  hostIsValid = false;
  /** The options of the Connection fields. */
  close = false;
  keep = false;
  upgrade = false;
  /** What the log has made of a cached section, for the next request with the same. */
  note: Uint8Array | null = null;

  constructor(maxFields: number) {
    this.positions = new Int32Array(4 * maxFields);
  }

  reset(): void {
    this.count = this.presentMask = this.repeated = 0;
    this.hostIsValid = this.close = this.keep = this.upgrade = false;
  }

  /** Adds the options of a Connection field, of which there may be several. */
  addConnection(bytes: Uint8Array, start: number, end: number): void {
    if (equalsIgnoreCase(bytes, start, end, KEEP_ALIVE)) this.keep = true;
    else if (equalsIgnoreCase(bytes, start, end, CLOSE)) this.close = true;
    else if (equalsIgnoreCase(bytes, start, end, UPGRADE)) this.upgrade = true;
    else {
      const options = listElements(latin1(bytes, start, end));
      this.keep ||= options.includes('keep-alive');
      this.close ||= options.includes('close');
      this.upgrade ||= options.includes('upgrade');
    }
  }

  copy(): FieldSection {
    const copy = new FieldSection(this.count);
    copy.count = this.count;
    copy.positions.set(this.positions.subarray(0, 4 * this.count));
    copy.presentMask = this.presentMask;
    copy.repeated = this.repeated;
    copy.fieldIds.set(this.fieldIds);
    copy.hostIsValid = this.hostIsValid;
    copy.close = this.close;
    copy.keep = this.keep;
    copy.upgrade = this.upgrade;
    return copy;
  }
}
