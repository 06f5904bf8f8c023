/** The program of one release for one processor. */
export interface Binary {
  /** npm package. Default: the major's own. */
  readonly package?: string;
  /** Of the package's archive, as npm writes it: `sha512-…`. */
  readonly integrity: string;
}

/** Releases by version, and each one's program by processor: x64, x64-baseline (without AVX2), arm64. */
export type Releases = Readonly<Record<string, Readonly<Record<string, Binary>>>>;

/**
 * Releases of opencode that a project can run: for each processor, the integrity of its package in npm, as npm and browsers write it
 * (Subresource Integrity). The image takes no other file. A line comes from `npm run versions -- opencode <release>`; those of 2.x and of
 * arm64, which not every registry has, from upstream's own PKGBUILD (aur opencode-beta) and from two projects that pin them.
 */
export const OPENCODE_RELEASES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "2.0.18": {
    "x64-baseline": "sha256-VItwnvqCKfl8NffMa6Y1QlxAfFszgqdDXpKoDOAGz80=",
    arm64: "sha256-3cmOXHicSW2toez66f5OCTHHrEOkbaVDa5fs2lzQul0=",
  },
  "1.18.33": {
    x64: "sha512-q/t/3p2CTxOT9y2kvjesb/LZab2+1eqlhhWA02Be6mjTtmYtNBcBsrI5yDo4Fw7ZSPBW2oyMIGMNRqiKQjiAWw==",
    "x64-baseline":
      "sha512-1KQGBiiDDeL/VHHbHkOvvFo8Jr97WT5+C1tear+p7IcDTnXgVHXqIjU4O4jM4mHQzykTP2i884FCnW5LDa+zCA==",
    arm64: "sha256-GW0MrxwFU/zRLvFf8UQ56n5rx6TofqUji8tXu+blS5M=",
  },
  "1.18.32": {
    x64: "sha512-CIatvoyi8V5a56xyw6ZUnsKxB9wqYIZqfNeqUNWhBBY4aENAm907LP0xXAwL6tR0cYbqNl2+Dvx8mOqXIxbDeQ==",
    "x64-baseline":
      "sha512-XXO4htNdJEoj935NGMYNGjD1M8ZiJPo2u2cQzIyeBjinoClI7iXOHBPw+Twm/ZuzFHKtmI2594bt0GWIwTetkw==",
    arm64: "sha256-KastYacOmdEiTSiRFcO4GU/yVJaOJglTEYYie+ObIAE=",
  },
  "1.18.31": {
    x64: "sha512-gTJ5nGNq+KJblwmeusEdz8YFwvkV7a3xTOV9EKKEmsv0Lkbajq/oQO9jEC0sMiS66mjHDOrhLgIUxSVqfLBM8g==",
    "x64-baseline":
      "sha512-T/hyCHb7gSCuJzLDXs8YfEhjelUes2zkWFPTGEdBPqV/eKrKbEo9U1YdA/WvntjXv0I6k+blZEID54QIcF7Djw==",
  },
  "1.18.30": {
    x64: "sha512-qiJz71TAZjV24Lo0mh3HgHMAZSrAPLEn7ld6H540ub0hLc0XA2Pa2YhZxjn1K845azojLv8Ek+zpK6384VbU/w==",
    "x64-baseline":
      "sha512-//sHZuMaNZXo6fzBtgUI5vf1oXiMX9Un2a2R3AUzajRahuW42+98wg9J33uuICblE3RS6G4HxobrvnWA8mr4VA==",
  },
  "1.18.29": {
    x64: "sha512-X8/wS/8mzL7Ko0zYYF6RzKax39KkxXDRoimhmzXuo0gPrZX4DQjqBNpPAByBwUjFapk73ZGSVsjDGvoNapBa1Q==",
    "x64-baseline":
      "sha512-AnPvoVjeLC6qBYSeDwmj8fIVeJxspkrh1xAPow5NMSdH7IZZd0auiI2PHIW+0/3B+xfar1Zx1a6yvDd4Wd74Wg==",
  },
  "1.18.28": {
    x64: "sha512-HsoMDtPrJBkFpg09AhXZ36RWv3OROchYicWm9HHGqdB9OVvgbLoPqJzdCq5i1d4yPY0fSqnfBLISukcAyc3JgA==",
    "x64-baseline":
      "sha512-4+1hVBZpzn9wYp8+9Tx7XimEDO4pn8gtt6laR3TvOerLsrU0sRFYdODvJCVA9xkEKJATdg4PO8pWnh1zvNycVw==",
  },
  "1.18.27": {
    x64: "sha512-hxoPQCv6z/iYh3f8ZlAhJQ0RgzfJZQNOM1ZLRkx7juiZBmtLQLgFtDRiFNhqOKlKgDWsg131fOEEWwsT778aWA==",
    "x64-baseline":
      "sha512-XM3OUFc9X3x7CFb2pgbfgFCKvzT3bj+KugBB7IQMff/kNE3R2msq6HzZQnPnGe6Gm5nl6hgIOT8pSi7Oyn0pGw==",
  },
  "1.18.26": {
    x64: "sha512-21Dr0bTDT4cq+o3Xq5m/8dTQTtNv4Mfu4Y1PRgxCb3d+KJVlgQhlPOeoN5/9IEZlVq3kXYzOin59+0k38jsI6A==",
    "x64-baseline":
      "sha512-KjHmwVHxWA5s4J7WfXjLeyFff2ddOnNvg3abhkaVjtNVXeuQJQIZtdoh/J/KPfA/PFcMaM7OS8G62LdS8JWsOg==",
  },
  "1.18.23": {
    x64: "sha512-5x9d1Cm/YtqzR6lAlNbgVprTQ3R3hx7qGTWCzm5l5u6lBNkhYTrhy2s8k25dxKKuxqZ9Kngqz9JYWvSVHy2Lmw==",
    "x64-baseline":
      "sha512-yUhBOXfTQour2JCdAkwD3DDqSnyxB0grefwdPqEhYmJHIkYxfJIIzyy6V//pyouvkE0XMouFtiuZXw8S6Wo0iQ==",
  },
  "1.18.21": {
    x64: "sha512-e7AegOOCksBHTuQ2YUg6J7UxYKMReN21wck52YbEUl2RJvcAnfAyl4sfB6y9QosAILXFl3853EXBbYj/8BljxQ==",
    "x64-baseline":
      "sha512-eTvSmVVgPEi6KWooCbQsTRh/Tp97hX9pGhY62DnvZ6Ejpyav23jNBwWhnPx8XHpCdQPUEfPnpfdqvm/f8CGocA==",
  },
  "1.18.18": {
    x64: "sha512-WmeUnhljYJ252wywKTiW4bNDzsas2njpjPUEh0jM6HKNI4vFxJtREtzaWViY4AKEAcOkLWT8Ll17ixvcHz3AnA==",
    "x64-baseline":
      "sha512-6GvFarhP0pDiXcE9Au8PWoqb9+ZLBIGKrhZxeVAmOJp/gJ8lLL1Eno8O1qpqRb1KjOfOaOD71jHu9xNaqmjEtw==",
    arm64: "sha512-e8D3g0qJEIzawEg2+ygW3vkZjAYL2ssyAx4GbihjwXwZFvlZZy5zRWWzdz5KLBoHSTl0FB73vNtnNeXONyHpVQ==",
  },
  "1.18.17": {
    x64: "sha512-HkZ9tAWdWGerHetlC0cgW6qmpXNM5J2IAXGufZeLL2Ls05UpNJBO1Xvv9s3HQAXSRI1RPoK9eJrbKLhNGCCyiw==",
    "x64-baseline":
      "sha512-CY6fePJTZY8ycjFn7gkwgind6jePaWevtTQ+1RJq81lOsKj7WuA/NTBtg3lTSoJbRuHzK5AAq7bgeGRVUUQ+pg==",
  },
  "1.18.16": {
    x64: "sha512-eArnlUAhE3bqhaMXsypn14x49GsafuPS9oI6eH+rWZ2vrUCrKfKk/F7WOe/sFgp09gQU8yzFbGsZjDpWBFSCBg==",
    "x64-baseline":
      "sha512-Lvm4XLm918etLz85Yh8CCTcCalLUjx3TA8KVq3S4+EfTNBJ3QOmUyLjGQPhuC2kw+5NvkQVV/mnVdCawxnJ6ng==",
  },
  "1.18.15": {
    x64: "sha512-skbLGoflCqUSjSN60lXau6t6F0d1kpcf3N9L76hZsRfKJJeyqv+rybhLK6XUdnBzI1jDgg7+zw9bCvDr+UaI8A==",
    "x64-baseline":
      "sha512-u77OHzEB0MYN3PCW/gzPS6uOdgSVlRinRXXQw0QYNwfEllCUV+EXaEhW2ewChA2LpfYRxrcSP3vgN6jUgFsk/A==",
    arm64: "sha512-lJ+pPrJOxo3U2HeXis9aN/vrSFf1iXZXC9S0mTSWtm7qnFOJ3SLI7ALf7NKZoRHOOKUs9RfjR1DMLjzBcGAXog==",
  },
  "1.18.14": {
    x64: "sha512-SMZj5jyOoOsZ6Cp2jD8hZbxRpw71OkyMDq02ZIfEFj/MxzX5xulIeC3XedFaATvAjKMlnfq5A9MFssExcrwegg==",
    "x64-baseline":
      "sha512-80cqcKMNWS1PQb+g0fud6H/j+0+MNv8OzyQwDDm+ZphFZW5v/LnfzXtCiWyqxp+vJeqlWjIn+I2p/Qr8YhbugA==",
    arm64: "sha512-LSILNOuBO5Lotcky2XcvpAVxj/abRcWynKdTcX1QX0+bVOCEsY/fb0tGUuJFafVzWsmjFS7QF3vyD9mnrMC7Qg==",
  },
  "1.18.11": {
    x64: "sha512-0mBNdaLK9HWxB85N+qQK0I+2ZySfPFV+G6Q0utGSO1ZkI/YjjEofrIvb4OUVHIjCq3eWFYhFVRcoiOuD39sN6w==",
    "x64-baseline":
      "sha512-nIRf162T9Dj5/vmyrsCcie4HrpWbAmPSJgbi0XWQ9DZ4KFzwqCXmC6MebV51DNiwou/Yh6nJClJexpMFsWt7dw==",
  },
  "1.18.10": {
    x64: "sha512-gkmZQfI1h1HJiaAud8zeEIGpqVIoINce9B4bP4+4VNhrrkq2qL73WIc2IOLdO/7dGT1tbSoOjrH14EJPEjkFTg==",
    "x64-baseline":
      "sha512-5AxMI8ABbEgoQuuHeBuw6P/CJsaZK1com5eQj1Giu++zL3uK8l4z2PIpF+c0B10gzRvMye2nPrs8uqKou3BgNQ==",
  },
  "1.18.8": {
    x64: "sha512-Sm4fbQ9BdLI6hgN6FYYX8Nql+Sqe/2EKHJu3iWg0UYs93AXN4ROi0rvOmRbMk+ycYgOchb0hL6Ti2opxLx17sg==",
    "x64-baseline":
      "sha512-egeEF4tk1rK9flIQjjeSVB9cR/X3zUti0pNAHW6ROJkNkj72z2C2FmjK1hZbfjtteCueMXPLptS23JROHGWL1w==",
  },
  "1.18.3": {
    x64: "sha512-p+19dSTf3pWL3+Rh/Ym94DvS9mNxNG94HJnR5oMCDhQvgimdT5tSdoK4ETtk4XOoCKz3OcTQDPHTdYKcJg32KQ==",
    "x64-baseline":
      "sha512-DDfspGSQ123yhsFhAlbpF+tsvje5kHOS2/PYUpWJroTlvgtqRLGmET51Anrxd5BrAFrqB6PXYA2kGh5QStPU/g==",
  },
};
