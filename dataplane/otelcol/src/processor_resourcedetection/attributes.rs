//! resource_attributes: which attributes each detector sets.
//!
//! Each is a block of the attribute's name with one setting, so that a table says it all.

use std::sync::OnceLock;

use schema::{Arguments, BlockSchema, BodySchema, Reader};

/// An attribute that is set unless it is switched off.
#[derive(Arguments)]
pub struct OnByDefault {
    /// Whether the attribute is set.
    #[arg(required, default = true)]
    pub enabled: bool,
}

/// An attribute that is set where it is switched on.
#[derive(Arguments)]
pub struct OffByDefault {
    /// Whether the attribute is set.
    #[arg(required, default = false)]
    pub enabled: bool,
}

/// Compat: taken, and set by nobody any more.
const FORMER: &str = "faas.id";

/// Name, and whether it is set by default.
type Row = (&'static str, bool);

fn declare(rows: &[Row]) -> BodySchema {
    let blocks = rows.iter().map(|(name, on)| BlockSchema {
        by_value: true,
        deprecated: (*name == FORMER).then_some("faas.instance"),
        doc: "Whether the attribute of this name is set.",
        ..BlockSchema::new(
            name,
            match on {
                true => OnByDefault::schema,
                false => OffByDefault::schema,
            },
        )
    });
    BodySchema {
        blocks: blocks.collect(),
        ..BodySchema::default()
    }
}

fn read(rows: &[Row], reader: &mut Reader<'_>) -> Option<Vec<&'static str>> {
    let read_one = |(name, on): &Row| {
        let enabled = match on {
            true => reader.block::<OnByDefault>(name)?.enabled,
            false => reader.block::<OffByDefault>(name)?.enabled,
        };
        Some((*name, enabled))
    };
    // All are read before the first mistake counts, so that every one is reported.
    let all: Vec<Option<(&str, bool)>> = rows.iter().map(read_one).collect();
    let all = all.into_iter().collect::<Option<Vec<_>>>()?;
    let enabled = all.into_iter().filter(|(_, enabled)| *enabled);
    Some(enabled.map(|(name, _)| name).collect())
}

/// The arguments of one detector's attributes, and the names of those that are set.
macro_rules! attributes {
    ($(#[$doc:meta])* $name:ident { $($attribute:literal = $on:literal),* $(,)? }) => {
        $(#[$doc])*
        pub struct $name(pub Vec<&'static str>);

        impl $name {
            const ROWS: &[Row] = &[$(($attribute, $on)),*];
        }

        impl Arguments for $name {
            fn schema() -> &'static BodySchema {
                static SCHEMA: OnceLock<BodySchema> = OnceLock::new();
                SCHEMA.get_or_init(|| declare(Self::ROWS))
            }

            fn read(reader: &mut Reader<'_>) -> Option<Self> {
                read(Self::ROWS, reader).map(Self)
            }
        }
    };
}

attributes!(
    /// Attributes of Akamai.
    AkamaiAttributes {
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.name" = true,
    }
);

attributes!(
    /// Attributes of Alibaba Cloud ECS.
    AlibabaEcsAttributes {
        "cloud.account.id" = true,
        "cloud.availability_zone" = true,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.image.id" = true,
        "host.name" = true,
        "host.type" = true,
    }
);

attributes!(
    /// Attributes of Azure Kubernetes Service.
    AksAttributes {
        "cloud.platform" = true,
        "cloud.provider" = true,
        "k8s.cluster.name" = false,
    }
);

attributes!(
    /// Attributes of Azure.
    AzureAttributes {
        "azure.resourcegroup.name" = true,
        "azure.vm.name" = true,
        "azure.vm.scaleset.name" = true,
        "azure.vm.size" = true,
        "cloud.account.id" = true,
        "cloud.availability_zone" = false,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.name" = true,
    }
);

attributes!(
    /// Attributes of Consul.
    ConsulAttributes {
        "cloud.region" = true,
        "host.id" = true,
        "host.name" = true,
    }
);

attributes!(
    /// Attributes of Docker.
    DockerAttributes {
        "host.name" = true,
        "os.type" = true,
    }
);

attributes!(
    /// Attributes of DigitalOcean.
    DigitaloceanAttributes {
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.name" = true,
    }
);

attributes!(
    /// Attributes of Amazon EC2.
    Ec2Attributes {
        "cloud.account.id" = true,
        "cloud.availability_zone" = true,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.image.id" = true,
        "host.name" = true,
        "host.type" = true,
    }
);

attributes!(
    /// Attributes of Amazon ECS.
    EcsAttributes {
        "aws.ecs.cluster.arn" = true,
        "aws.ecs.launchtype" = true,
        "aws.ecs.task.arn" = true,
        "aws.ecs.task.family" = true,
        "aws.ecs.task.id" = true,
        "aws.ecs.task.revision" = true,
        "aws.log.group.arns" = true,
        "aws.log.group.names" = true,
        "aws.log.stream.arns" = true,
        "aws.log.stream.names" = true,
        "cloud.account.id" = true,
        "cloud.availability_zone" = true,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
    }
);

attributes!(
    /// Attributes of Amazon EKS.
    EksAttributes {
        "cloud.account.id" = false,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "k8s.cluster.name" = false,
    }
);

attributes!(
    /// Attributes of AWS Elastic Beanstalk.
    ElasticbeanstalkAttributes {
        "cloud.platform" = true,
        "cloud.provider" = true,
        "service.version" = true,
        "deployment.environment" = true,
        "service.instance.id" = true,
    }
);

attributes!(
    /// Attributes of Google Cloud.
    GcpAttributes {
        "cloud.account.id" = true,
        "cloud.availability_zone" = true,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "faas.instance" = true,
        "faas.id" = false,
        "faas.name" = true,
        "faas.version" = true,
        "gcp.cloud_run.job.execution" = true,
        "gcp.cloud_run.job.task_index" = true,
        "gcp.gce.instance.group_manager.name" = true,
        "gcp.gce.instance.group_manager.region" = true,
        "gcp.gce.instance.group_manager.zone" = true,
        "gcp.gce.instance.hostname" = false,
        "gcp.gce.instance.name" = false,
        "host.id" = true,
        "host.name" = true,
        "host.type" = true,
        "k8s.cluster.name" = true,
    }
);

attributes!(
    /// Attributes of Heroku.
    HerokuAttributes {
        "cloud.provider" = true,
        "heroku.app.id" = true,
        "heroku.dyno.id" = true,
        "heroku.release.commit" = true,
        "heroku.release.creation_timestamp" = true,
        "service.instance.id" = true,
        "service.name" = true,
        "service.version" = true,
    }
);

attributes!(
    /// Attributes of Hetzner.
    HetznerAttributes {
        "cloud.availability_zone" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.name" = true,
    }
);

attributes!(
    /// Attributes of kubeadm.
    KubeadmAttributes {
        "k8s.cluster.name" = true,
        "k8s.cluster.uid" = true,
    }
);

attributes!(
    /// Attributes of a Kubernetes node.
    KubernetesNodeAttributes {
        "k8s.node.name" = true,
        "k8s.node.uid" = true,
    }
);

attributes!(
    /// Attributes of AWS Lambda.
    LambdaAttributes {
        "aws.log.group.names" = true,
        "aws.log.stream.names" = true,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "faas.instance" = true,
        "faas.max_memory" = true,
        "faas.name" = true,
        "faas.version" = true,
    }
);

attributes!(
    /// Attributes of OpenStack Nova.
    NovaAttributes {
        "cloud.availability_zone" = true,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.name" = true,
        "host.type" = true,
    }
);

attributes!(
    /// Attributes of Oracle Cloud.
    OraclecloudAttributes {
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "cloud.availability_zone" = true,
        "host.id" = true,
        "host.name" = true,
        "host.type" = true,
        "k8s.cluster.name" = true,
        "oracle_cloud.realm" = true,
    }
);

attributes!(
    /// Attributes of Tencent Cloud CVM.
    TencentCvmAttributes {
        "cloud.account.id" = true,
        "cloud.availability_zone" = true,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.image.id" = true,
        "host.name" = true,
        "host.type" = true,
    }
);

attributes!(
    /// Attributes of Scaleway.
    ScalewayAttributes {
        "cloud.account.id" = true,
        "cloud.availability_zone" = true,
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.image.id" = true,
        "host.image.name" = true,
        "host.name" = true,
        "host.type" = true,
    }
);

attributes!(
    /// Attributes of UpCloud.
    UpcloudAttributes {
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.name" = true,
    }
);

attributes!(
    /// Attributes of Vultr.
    VultrAttributes {
        "cloud.provider" = true,
        "cloud.region" = true,
        "host.id" = true,
        "host.name" = true,
    }
);

attributes!(
    /// Attributes of OpenShift.
    OpenshiftAttributes {
        "cloud.platform" = true,
        "cloud.provider" = true,
        "cloud.region" = true,
        "k8s.cluster.name" = true,
    }
);

attributes!(
    /// Attributes of the machine.
    SystemAttributes {
        "host.arch" = false,
        "host.cpu.cache.l2.size" = false,
        "host.cpu.family" = false,
        "host.cpu.model.id" = false,
        "host.cpu.model.name" = false,
        "host.cpu.stepping" = false,
        "host.cpu.vendor.id" = false,
        "host.id" = false,
        "host.interface" = false,
        "host.ip" = false,
        "host.mac" = false,
        "host.name" = true,
        "os.build.id" = false,
        "os.description" = false,
        "os.name" = false,
        "os.type" = true,
        "os.version" = false,
    }
);
