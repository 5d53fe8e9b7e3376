import packages from "../shared/packages.cjs";

// Before anything here imports it: where it is missing, the error says what to install.
packages.openTelemetryApi();
