// What the platform calls its containers' labels, and where a project's relay listens: the same as config/ has, which a test compares.

export const PLATFORM_LABEL = "dev.opencode-platform.prefix";
export const PROJECT_LABEL = "dev.opencode-platform.project";
export const SERVICE_LABEL = "dev.opencode-platform.service";
export const RELAY_PORT = 4097;
