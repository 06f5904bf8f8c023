/** What the platform brings to the droplet itself: its programs, and its units. */
export const LIB = "/usr/local/lib/opencode-platform";
export const UNITS = "/etc/systemd/system";
