//! The schemas of workload types that kcp lacks, under `deploy/kcp/`.

use std::{fs, path::Path};

use syncer_harness::{ApiServer, Module, Testbed, WORKLOAD_TYPES};

use crate::{
    failure::Failure,
    testbed::{Unavailable, ensure},
};

const ABOUT: &str = "# Generated from the OpenAPI of Kubernetes by `cargo xtask schemas`.\n";

/// Asks a real kube-apiserver, and writes a file for each type.
pub(crate) fn run() -> Result<(), Failure> {
    ensure(&Testbed::locate(), &[Module::Kubernetes]).map_err(|why| match why {
        Unavailable::NotHere(reason) => Failure::new(reason),
        Unavailable::Failed(failure) => failure,
    })?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kcp");
    fs::create_dir_all(&folder).map_err(Failure::io("make deploy/kcp"))?;
    let server = ApiServer::start();
    for workload in &WORKLOAD_TYPES {
        let schema = workload.ask(server.client()).map_err(Failure::new)?;
        let yaml = serde_saphyr::to_string(&schema).map_err(|error| Failure::new(error.to_string()))?;
        let file = folder.join(workload.file_name());
        fs::write(&file, format!("{ABOUT}{yaml}")).map_err(Failure::io(file.display()))?;
        println!("{}", file.display());
    }
    Ok(())
}
