import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

const { errno } = constants;

/** The errnos that Node's table does not have, as in asm-generic/errno.h, which all architectures of Node use. */
const beyondNode = {
  EADV: 68,
  EBADE: 52,
  EBADFD: 77,
  EBADR: 53,
  EBADRQC: 56,
  EBADSLT: 57,
  EBFONT: 59,
  ECHRNG: 44,
  ECOMM: 70,
  EDOTDOT: 73,
  EHOSTDOWN: 112,
  EHWPOISON: 133,
  EISNAM: 120,
  EKEYEXPIRED: 127,
  EKEYREJECTED: 129,
  EKEYREVOKED: 128,
  EL2HLT: 51,
  EL2NSYNC: 45,
  EL3HLT: 46,
  EL3RST: 47,
  ELIBACC: 79,
  ELIBBAD: 80,
  ELIBEXEC: 83,
  ELIBMAX: 82,
  ELIBSCN: 81,
  ELNRNG: 48,
  EMEDIUMTYPE: 124,
  ENAVAIL: 119,
  ENOANO: 55,
  ENOCSI: 50,
  ENOKEY: 126,
  ENOMEDIUM: 123,
  ENONET: 64,
  ENOPKG: 65,
  ENOTBLK: 15,
  ENOTNAM: 118,
  ENOTRECOVERABLE: 131,
  ENOTUNIQ: 76,
  EOWNERDEAD: 130,
  EPFNOSUPPORT: 96,
  EREMCHG: 78,
  EREMOTE: 66,
  EREMOTEIO: 121,
  ERESTART: 85,
  ERFKILL: 132,
  ESHUTDOWN: 108,
  ESOCKTNOSUPPORT: 94,
  ESRMNT: 69,
  ESTRPIPE: 86,
  ETOOMANYREFS: 109,
  EUCLEAN: 117,
  EUNATCH: 49,
  EUSERS: 87,
  EXFULL: 54,
} as const;

/*
 * The errnos as the calls return them: NEGATIVE, for comparisons such as `count === EAGAIN`. errno(3) has their
 * meanings. The numbers of Node's own table differ between architectures.
 */
export const E2BIG = -errno.E2BIG;
export const EACCES = -errno.EACCES;
export const EADDRINUSE = -errno.EADDRINUSE;
export const EADDRNOTAVAIL = -errno.EADDRNOTAVAIL;
export const EADV = -beyondNode.EADV;
export const EAFNOSUPPORT = -errno.EAFNOSUPPORT;
export const EAGAIN = -errno.EAGAIN;
export const EALREADY = -errno.EALREADY;
export const EBADE = -beyondNode.EBADE;
export const EBADF = -errno.EBADF;
export const EBADFD = -beyondNode.EBADFD;
export const EBADMSG = -errno.EBADMSG;
export const EBADR = -beyondNode.EBADR;
export const EBADRQC = -beyondNode.EBADRQC;
export const EBADSLT = -beyondNode.EBADSLT;
export const EBFONT = -beyondNode.EBFONT;
export const EBUSY = -errno.EBUSY;
export const ECANCELED = -errno.ECANCELED;
export const ECHILD = -errno.ECHILD;
export const ECHRNG = -beyondNode.ECHRNG;
export const ECOMM = -beyondNode.ECOMM;
export const ECONNABORTED = -errno.ECONNABORTED;
export const ECONNREFUSED = -errno.ECONNREFUSED;
export const ECONNRESET = -errno.ECONNRESET;
export const EDEADLK = -errno.EDEADLK;
export const EDEADLOCK = -errno.EDEADLK;
export const EDESTADDRREQ = -errno.EDESTADDRREQ;
export const EDOM = -errno.EDOM;
export const EDOTDOT = -beyondNode.EDOTDOT;
export const EDQUOT = -errno.EDQUOT;
export const EEXIST = -errno.EEXIST;
export const EFAULT = -errno.EFAULT;
export const EFBIG = -errno.EFBIG;
export const EHOSTDOWN = -beyondNode.EHOSTDOWN;
export const EHOSTUNREACH = -errno.EHOSTUNREACH;
export const EHWPOISON = -beyondNode.EHWPOISON;
export const EIDRM = -errno.EIDRM;
export const EILSEQ = -errno.EILSEQ;
export const EINPROGRESS = -errno.EINPROGRESS;
export const EINTR = -errno.EINTR;
export const EINVAL = -errno.EINVAL;
export const EIO = -errno.EIO;
export const EISCONN = -errno.EISCONN;
export const EISDIR = -errno.EISDIR;
export const EISNAM = -beyondNode.EISNAM;
export const EKEYEXPIRED = -beyondNode.EKEYEXPIRED;
export const EKEYREJECTED = -beyondNode.EKEYREJECTED;
export const EKEYREVOKED = -beyondNode.EKEYREVOKED;
export const EL2HLT = -beyondNode.EL2HLT;
export const EL2NSYNC = -beyondNode.EL2NSYNC;
export const EL3HLT = -beyondNode.EL3HLT;
export const EL3RST = -beyondNode.EL3RST;
export const ELIBACC = -beyondNode.ELIBACC;
export const ELIBBAD = -beyondNode.ELIBBAD;
export const ELIBEXEC = -beyondNode.ELIBEXEC;
export const ELIBMAX = -beyondNode.ELIBMAX;
export const ELIBSCN = -beyondNode.ELIBSCN;
export const ELNRNG = -beyondNode.ELNRNG;
export const ELOOP = -errno.ELOOP;
export const EMEDIUMTYPE = -beyondNode.EMEDIUMTYPE;
export const EMFILE = -errno.EMFILE;
export const EMLINK = -errno.EMLINK;
export const EMSGSIZE = -errno.EMSGSIZE;
export const EMULTIHOP = -errno.EMULTIHOP;
export const ENAMETOOLONG = -errno.ENAMETOOLONG;
export const ENAVAIL = -beyondNode.ENAVAIL;
export const ENETDOWN = -errno.ENETDOWN;
export const ENETRESET = -errno.ENETRESET;
export const ENETUNREACH = -errno.ENETUNREACH;
export const ENFILE = -errno.ENFILE;
export const ENOANO = -beyondNode.ENOANO;
export const ENOBUFS = -errno.ENOBUFS;
export const ENOCSI = -beyondNode.ENOCSI;
export const ENODATA = -errno.ENODATA;
export const ENODEV = -errno.ENODEV;
export const ENOENT = -errno.ENOENT;
export const ENOEXEC = -errno.ENOEXEC;
export const ENOKEY = -beyondNode.ENOKEY;
export const ENOLCK = -errno.ENOLCK;
export const ENOLINK = -errno.ENOLINK;
export const ENOMEDIUM = -beyondNode.ENOMEDIUM;
export const ENOMEM = -errno.ENOMEM;
export const ENOMSG = -errno.ENOMSG;
export const ENONET = -beyondNode.ENONET;
export const ENOPKG = -beyondNode.ENOPKG;
export const ENOPROTOOPT = -errno.ENOPROTOOPT;
export const ENOSPC = -errno.ENOSPC;
export const ENOSR = -errno.ENOSR;
export const ENOSTR = -errno.ENOSTR;
export const ENOSYS = -errno.ENOSYS;
export const ENOTBLK = -beyondNode.ENOTBLK;
export const ENOTCONN = -errno.ENOTCONN;
export const ENOTDIR = -errno.ENOTDIR;
export const ENOTEMPTY = -errno.ENOTEMPTY;
export const ENOTNAM = -beyondNode.ENOTNAM;
export const ENOTRECOVERABLE = -beyondNode.ENOTRECOVERABLE;
export const ENOTSOCK = -errno.ENOTSOCK;
export const ENOTSUP = -errno.ENOTSUP;
export const ENOTTY = -errno.ENOTTY;
export const ENOTUNIQ = -beyondNode.ENOTUNIQ;
export const ENXIO = -errno.ENXIO;
export const EOPNOTSUPP = -errno.EOPNOTSUPP;
export const EOVERFLOW = -errno.EOVERFLOW;
export const EOWNERDEAD = -beyondNode.EOWNERDEAD;
export const EPERM = -errno.EPERM;
export const EPFNOSUPPORT = -beyondNode.EPFNOSUPPORT;
export const EPIPE = -errno.EPIPE;
export const EPROTO = -errno.EPROTO;
export const EPROTONOSUPPORT = -errno.EPROTONOSUPPORT;
export const EPROTOTYPE = -errno.EPROTOTYPE;
export const ERANGE = -errno.ERANGE;
export const EREMCHG = -beyondNode.EREMCHG;
export const EREMOTE = -beyondNode.EREMOTE;
export const EREMOTEIO = -beyondNode.EREMOTEIO;
export const ERESTART = -beyondNode.ERESTART;
export const ERFKILL = -beyondNode.ERFKILL;
export const EROFS = -errno.EROFS;
export const ESHUTDOWN = -beyondNode.ESHUTDOWN;
export const ESOCKTNOSUPPORT = -beyondNode.ESOCKTNOSUPPORT;
export const ESPIPE = -errno.ESPIPE;
export const ESRCH = -errno.ESRCH;
export const ESRMNT = -beyondNode.ESRMNT;
export const ESTALE = -errno.ESTALE;
export const ESTRPIPE = -beyondNode.ESTRPIPE;
export const ETIME = -errno.ETIME;
export const ETIMEDOUT = -errno.ETIMEDOUT;
export const ETOOMANYREFS = -beyondNode.ETOOMANYREFS;
export const ETXTBSY = -errno.ETXTBSY;
export const EUCLEAN = -beyondNode.EUCLEAN;
export const EUNATCH = -beyondNode.EUNATCH;
export const EUSERS = -beyondNode.EUSERS;
export const EWOULDBLOCK = -errno.EWOULDBLOCK;
export const EXDEV = -errno.EXDEV;
export const EXFULL = -beyondNode.EXFULL;

/** The names of the errnos that libuv, and so Node's own table, does not have. */
const namesBeyondLibuv = new Map(Object.entries({ ...beyondNode, ...errno }).map(([name, number]) => [-number, name]));

/**
 * An Error in the form of Node's system errors: `code` ('EEXIST'), `errno` (negative), `syscall`, and a message such as
 * `EEXIST: file already exists, epoll_ctl`.
 * @param syscall the call's name in the man pages
 * @param result what the call returned: -4095 to -1
 * @param detail is appended to the message: the descriptor or the path, for instance
 */
export function systemError(syscall: string, result: number, detail?: string): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(result) ?? [namesBeyondLibuv.get(result), undefined];
  const message = `${code ?? 'UNKNOWN'}: ${text ?? `system error ${result}`}, ${syscall}${detail ? ` ${detail}` : ''}`;
  const error: NodeJS.ErrnoException = new Error(message);
  error.errno = result;
  error.code = code ?? 'UNKNOWN';
  error.syscall = syscall;
  Error.captureStackTrace(error, systemError);
  return error;
}

/**
 * Returns a result that is not negative, or the object of a call that returns one or -errno.
 * @throws the system error of a negative one
 */
export function check(syscall: string, result: number, detail?: string): number;
export function check<T extends object>(syscall: string, result: T | number, detail?: string): T;
export function check(syscall: string, result: object | number, detail?: string): object | number {
  if (typeof result === 'number' && result < 0) throw systemError(syscall, result, detail);
  return result;
}
