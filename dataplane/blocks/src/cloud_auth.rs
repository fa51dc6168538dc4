//! sigv4, azuread and google_iam: declared in full, so that configurations are understood, and
//! refused where they stand until they are served.

use schema::{Arguments, Check, Secret};

/// AWS Signature Version 4.
#[derive(Arguments, Clone)]
#[arg(check = SigV4::refuse)]
pub struct SigV4 {
    pub access_key: String,
    pub external_id: String,
    pub profile: String,
    pub region: String,
    pub role_arn: String,
    pub secret_key: Secret,
    /// Service that the signature is for.
    #[arg(default = "aps")]
    pub service_name: String,
    #[arg(default = false)]
    pub use_fips_sts_endpoint: bool,
}

impl SigV4 {
    fn refuse(&self, check: &mut Check<'_>) {
        refuse("sigv4", check);
    }
}

/// Tokens of Microsoft Entra ID.
#[derive(Arguments, Clone)]
#[arg(check = AzureAd::refuse)]
pub struct AzureAd {
    #[arg(default = "AzurePublic")]
    pub cloud: String,
    #[arg(default = "")]
    pub scope: String,
    #[arg(block)]
    pub managed_identity: Option<ManagedIdentity>,
    #[arg(block)]
    pub oauth: Option<AzureOAuth>,
    #[arg(block)]
    pub sdk: Option<AzureSdk>,
    #[arg(block)]
    pub workload_identity: Option<WorkloadIdentity>,
}

impl AzureAd {
    fn refuse(&self, check: &mut Check<'_>) {
        refuse("azuread", check);
    }
}

#[derive(Arguments, Clone)]
pub struct ManagedIdentity {
    #[arg(required)]
    pub client_id: String,
}

#[derive(Arguments, Clone)]
pub struct AzureOAuth {
    #[arg(required)]
    pub client_id: String,
    #[arg(required)]
    pub client_secret: Secret,
    #[arg(required)]
    pub tenant_id: String,
}

#[derive(Arguments, Clone)]
pub struct AzureSdk {
    #[arg(required)]
    pub tenant_id: String,
}

#[derive(Arguments, Clone)]
pub struct WorkloadIdentity {
    #[arg(required)]
    pub client_id: String,
    #[arg(required)]
    pub tenant_id: String,
    /// File with the service account's token.
    #[arg(default = "/var/run/secrets/azure/tokens/azure-identity-token")]
    pub token_file_path: String,
}

/// Tokens of Google Cloud.
#[derive(Arguments, Clone)]
#[arg(check = GoogleIam::refuse)]
pub struct GoogleIam {
    pub credentials_file: String,
}

impl GoogleIam {
    fn refuse(&self, check: &mut Check<'_>) {
        refuse("google_iam", check);
    }
}

fn refuse(block: &str, check: &mut Check<'_>) {
    check.body(format!(
        "{block} is not yet supported; use basic_auth, authorization, oauth2 or bearer_token"
    ));
}
