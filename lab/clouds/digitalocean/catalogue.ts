/** A subset of DigitalOcean's regions, sizes and images. */

export interface Size {
  slug: string;
  memory: number;
  vcpus: number;
  disk: number;
  transfer: number;
  monthly: number;
  hourly: number;
  description: string;
}

const size = (
  slug: string,
  [vcpus, memory, disk, transfer]: [number, number, number, number],
  [monthly, hourly]: [number, number],
  description = "Basic",
): Size => ({ slug, memory, vcpus, disk, transfer, monthly, hourly, description });

export const SIZES: readonly Size[] = [
  size("s-1vcpu-512mb-10gb", [1, 512, 10, 0.5], [4, 0.00595]),
  size("s-1vcpu-1gb", [1, 1024, 25, 1], [6, 0.00893]),
  size("s-1vcpu-2gb", [1, 2048, 50, 2], [12, 0.01786]),
  size("s-2vcpu-2gb", [2, 2048, 60, 3], [18, 0.02679]),
  size("s-2vcpu-4gb", [2, 4096, 80, 4], [24, 0.03571]),
  size("s-4vcpu-8gb", [4, 8192, 160, 5], [48, 0.07143]),
  size("s-8vcpu-16gb", [8, 16384, 320, 6], [96, 0.14286]),
  size("g-2vcpu-8gb", [2, 8192, 25, 4], [63, 0.09375], "General Purpose"),
  size("g-4vcpu-16gb", [4, 16384, 50, 5], [126, 0.1875], "General Purpose"),
];

export interface Region {
  slug: string;
  name: string;
  /** Whether the region has volumes. */
  storage: boolean;
}

export const REGIONS: readonly Region[] = [
  { slug: "nyc1", name: "New York 1", storage: true },
  { slug: "nyc3", name: "New York 3", storage: true },
  { slug: "ams3", name: "Amsterdam 3", storage: true },
  { slug: "sfo3", name: "San Francisco 3", storage: true },
  { slug: "sgp1", name: "Singapore 1", storage: true },
  { slug: "lon1", name: "London 1", storage: true },
  { slug: "fra1", name: "Frankfurt 1", storage: true },
  { slug: "tor1", name: "Toronto 1", storage: true },
  { slug: "blr1", name: "Bangalore 1", storage: true },
  { slug: "syd1", name: "Sydney 1", storage: true },
  // The real one has volumes; here it is a region without any.
  { slug: "nyc2", name: "New York 2", storage: false },
];

export interface Image {
  id: number;
  slug: string;
  name: string;
  distribution: "Debian" | "Ubuntu";
  minDisk: number;
  /** Whether the stand-in can boot it. */
  boots: boolean;
}

export const IMAGES: readonly Image[] = [
  { id: 195_932_981, slug: "debian-12-x64", name: "12 x64", distribution: "Debian", minDisk: 7, boots: true },
  {
    id: 195_932_997,
    slug: "ubuntu-24-04-x64",
    name: "24.04 (LTS) x64",
    distribution: "Ubuntu",
    minDisk: 7,
    boots: false,
  },
];

export const findSize = (slug: string): Size | undefined => SIZES.find((each) => each.slug === slug);
export const findRegion = (slug: string): Region | undefined => REGIONS.find((each) => each.slug === slug);
export const findImage = (image: string | number): Image | undefined =>
  IMAGES.find(({ id, slug }) => slug === image || id === Number(image));
