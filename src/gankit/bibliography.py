r"""Published papers, and their entries for BibTeX.

Each paper is written down once, here. What refers to it names it beside its code: a family or a
stabiliser in its attribute `papers`, and whatever a registry holds by `Registry.cite`. A family
from outside gankit brings papers of its own in the same way.

All of these are cited by their preprints, whose numbers are known; the year is that of the first
version. Names are written as TeX reads them: `L{\'e}on`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A published paper.

    >>> import gankit
    >>> paper = gankit.Paper("doe2030swans", "Swans", ("Doe, Jane",), 2030, arxiv="3001.00001")
    >>> print(paper.bibtex())
    @misc{doe2030swans,
      title = {{Swans}},
      author = {Doe, Jane},
      year = {2030},
      eprint = {3001.00001},
      archivePrefix = {arXiv},
    }

    Attributes:
        key: the key of its entry, unlike those of all other papers.
        title: its title.
        authors: every author, as `Last, First`.
        year: the year in which it appeared.
        arxiv: its number at arXiv, without a version; empty if it has none.
    """

    key: str
    title: str
    authors: tuple[str, ...]
    year: int
    arxiv: str = ""

    def bibtex(self) -> str:
        """Return its entry. The title keeps its capitals."""
        fields = {
            "title": f"{{{self.title}}}",
            "author": " and ".join(self.authors),
            "year": str(self.year),
        }
        if self.arxiv:
            fields |= {"eprint": self.arxiv, "archivePrefix": "arXiv"}
        return entry("misc", self.key, fields)


def entry(kind: str, key: str, fields: dict[str, str]) -> str:
    """Return an entry for BibTeX: `@misc{key, ...}`, a field on each line."""
    lines = (f"  {name} = {{{value}}}," for name, value in fields.items())
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])


GOODFELLOW_2014 = Paper(
    "goodfellow2014generative",
    "Generative Adversarial Networks",
    (
        *("Goodfellow, Ian J.", "Pouget-Abadie, Jean", "Mirza, Mehdi", "Xu, Bing"),
        *("Warde-Farley, David", "Ozair, Sherjil", "Courville, Aaron", "Bengio, Yoshua"),
    ),
    2014,
    "1406.2661",
)
MIRZA_2014 = Paper(
    "mirza2014conditional",
    "Conditional Generative Adversarial Nets",
    ("Mirza, Mehdi", "Osindero, Simon"),
    2014,
    "1411.1784",
)
RADFORD_2015 = Paper(
    "radford2015unsupervised",
    "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
    ("Radford, Alec", "Metz, Luke", "Chintala, Soumith"),
    2015,
    "1511.06434",
)
CHEN_2016 = Paper(
    "chen2016infogan",
    "InfoGAN: Interpretable Representation Learning by Information Maximizing Generative "
    "Adversarial Nets",
    (
        *("Chen, Xi", "Duan, Yan", "Houthooft, Rein", "Schulman, John", "Sutskever, Ilya"),
        "Abbeel, Pieter",
    ),
    2016,
    "1606.03657",
)
HO_2016 = Paper(
    "ho2016generative",
    "Generative Adversarial Imitation Learning",
    ("Ho, Jonathan", "Ermon, Stefano"),
    2016,
    "1606.03476",
)
SCHULMAN_2015 = Paper(
    "schulman2015high",
    "High-Dimensional Continuous Control Using Generalized Advantage Estimation",
    (
        *("Schulman, John", "Moritz, Philipp", "Levine, Sergey", "Jordan, Michael"),
        "Abbeel, Pieter",
    ),
    2015,
    "1506.02438",
)
SCHULMAN_2017 = Paper(
    "schulman2017proximal",
    "Proximal Policy Optimization Algorithms",
    (
        *("Schulman, John", "Wolski, Filip", "Dhariwal, Prafulla", "Radford, Alec"),
        "Klimov, Oleg",
    ),
    2017,
    "1707.06347",
)
SALIMANS_2016 = Paper(
    "salimans2016improved",
    "Improved Techniques for Training GANs",
    (
        *("Salimans, Tim", "Goodfellow, Ian", "Zaremba, Wojciech", "Cheung, Vicki"),
        *("Radford, Alec", "Chen, Xi"),
    ),
    2016,
    "1606.03498",
)
PFAU_2016 = Paper(
    "pfau2016connecting",
    "Connecting Generative Adversarial Networks and Actor-Critic Methods",
    ("Pfau, David", "Vinyals, Oriol"),
    2016,
    "1610.01945",
)
MAO_2016 = Paper(
    "mao2016least",
    "Least Squares Generative Adversarial Networks",
    (
        *("Mao, Xudong", "Li, Qing", "Xie, Haoran", "Lau, Raymond Y. K.", "Wang, Zhen"),
        "Smolley, Stephen Paul",
    ),
    2016,
    "1611.04076",
)
ARJOVSKY_2017 = Paper(
    "arjovsky2017wasserstein",
    "Wasserstein GAN",
    ("Arjovsky, Martin", "Chintala, Soumith", r"Bottou, L{\'e}on"),
    2017,
    "1701.07875",
)
BERTHELOT_2017 = Paper(
    "berthelot2017began",
    "BEGAN: Boundary Equilibrium Generative Adversarial Networks",
    ("Berthelot, David", "Schumm, Thomas", "Metz, Luke"),
    2017,
    "1703.10717",
)
GULRAJANI_2017 = Paper(
    "gulrajani2017improved",
    "Improved Training of Wasserstein GANs",
    (
        *("Gulrajani, Ishaan", "Ahmed, Faruk", "Arjovsky, Martin", "Dumoulin, Vincent"),
        "Courville, Aaron",
    ),
    2017,
    "1704.00028",
)
LIM_2017 = Paper(
    "lim2017geometric",
    "Geometric GAN",
    ("Lim, Jae Hyun", "Ye, Jong Chul"),
    2017,
    "1705.02894",
)
YU_2016 = Paper(
    "yu2016seqgan",
    "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient",
    ("Yu, Lantao", "Zhang, Weinan", "Wang, Jun", "Yu, Yong"),
    2016,
    "1609.05473",
)
KUSNER_2016 = Paper(
    "kusner2016gans",
    "GANS for Sequences of Discrete Elements with the Gumbel-softmax Distribution",
    ("Kusner, Matt J.", r"Hern{\'a}ndez-Lobato, Jos{\'e} Miguel"),
    2016,
    "1611.04051",
)
FU_2017 = Paper(
    "fu2017learning",
    "Learning Robust Rewards with Adversarial Inverse Reinforcement Learning",
    ("Fu, Justin", "Luo, Katie", "Levine, Sergey"),
    2017,
    "1710.11248",
)
MASSON_2019 = Paper(
    "demasson2019training",
    "Training Language GANs from Scratch",
    (
        *("de Masson d'Autume, Cyprien", "Rosca, Mihaela", "Rae, Jack"),
        "Mohamed, Shakir",
    ),
    2019,
    "1905.09922",
)
HEUSEL_2017 = Paper(
    "heusel2017gans",
    "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
    (
        *("Heusel, Martin", "Ramsauer, Hubert", "Unterthiner, Thomas", "Nessler, Bernhard"),
        "Hochreiter, Sepp",
    ),
    2017,
    "1706.08500",
)
DASKALAKIS_2017 = Paper(
    "daskalakis2017training",
    "Training GANs with Optimism",
    ("Daskalakis, Constantinos", "Ilyas, Andrew", "Syrgkanis, Vasilis", "Zeng, Haoyang"),
    2017,
    "1711.00141",
)
BINKOWSKI_2018 = Paper(
    "binkowski2018demystifying",
    "Demystifying MMD GANs",
    (r"Bi{\'n}kowski, Miko{\l}aj", "Sutherland, Danica J.", "Arbel, Michael", "Gretton, Arthur"),
    2018,
    "1801.01401",
)
MESCHEDER_2018 = Paper(
    "mescheder2018which",
    "Which Training Methods for GANs do actually Converge?",
    ("Mescheder, Lars", "Geiger, Andreas", "Nowozin, Sebastian"),
    2018,
    "1801.04406",
)
MIYATO_2018 = Paper(
    "miyato2018spectral",
    "Spectral Normalization for Generative Adversarial Networks",
    ("Miyato, Takeru", "Kataoka, Toshiki", "Koyama, Masanori", "Yoshida, Yuichi"),
    2018,
    "1802.05957",
)
JOLICOEUR_2018 = Paper(
    "jolicoeur2018relativistic",
    "The relativistic discriminator: a key element missing from standard GAN",
    ("Jolicoeur-Martineau, Alexia",),
    2018,
    "1807.00734",
)
KARRAS_2018 = Paper(
    "karras2018style",
    "A Style-Based Generator Architecture for Generative Adversarial Networks",
    ("Karras, Tero", "Laine, Samuli", "Aila, Timo"),
    2018,
    "1812.04948",
)
KYNKAANNIEMI_2019 = Paper(
    "kynkaanniemi2019improved",
    "Improved Precision and Recall Metric for Assessing Generative Models",
    (
        *(r"Kynk{\"a}{\"a}nniemi, Tuomas", "Karras, Tero", "Laine, Samuli"),
        *("Lehtinen, Jaakko", "Aila, Timo"),
    ),
    2019,
    "1904.06991",
)
SINHA_2020 = Paper(
    "sinha2020topk",
    "Top-k Training of GANs: Improving GAN Performance by Throwing Away Bad Samples",
    (
        *("Sinha, Samarth", "Zhao, Zhengli", "Goyal, Anirudh", "Raffel, Colin"),
        "Odena, Augustus",
    ),
    2020,
    "2002.06224",
)
NAEEM_2020 = Paper(
    "naeem2020reliable",
    "Reliable Fidelity and Diversity Metrics for Generative Models",
    (
        *("Naeem, Muhammad Ferjad", "Oh, Seong Joon", "Uh, Youngjung", "Choi, Yunjey"),
        "Yoo, Jaejun",
    ),
    2020,
    "2002.09797",
)
KARRAS_2020 = Paper(
    "karras2020training",
    "Training Generative Adversarial Networks with Limited Data",
    (
        *("Karras, Tero", "Aittala, Miika", "Hellsten, Janne", "Laine, Samuli"),
        *("Lehtinen, Jaakko", "Aila, Timo"),
    ),
    2020,
    "2006.06676",
)
ZHAO_2020 = Paper(
    "zhao2020differentiable",
    "Differentiable Augmentation for Data-Efficient GAN Training",
    ("Zhao, Shengyu", "Liu, Zhijian", "Lin, Ji", "Zhu, Jun-Yan", "Han, Song"),
    2020,
    "2006.10738",
)
HUANG_2025 = Paper(
    "huang2025gan",
    "The GAN is dead; long live the GAN! A Modern GAN Baseline",
    ("Huang, Yiwen", "Gokaslan, Aaron", "Kuleshov, Volodymyr", "Tompkin, James"),
    2025,
    "2501.05441",
)

KODALI_2017 = Paper(
    "kodali2017convergence",
    "On Convergence and Stability of GANs",
    ("Kodali, Naveen", "Abernethy, Jacob", "Hays, James", "Kira, Zsolt"),
    2017,
    "1705.07215",
)
TSENG_2021 = Paper(
    "tseng2021regularizing",
    "Regularizing Generative Adversarial Networks under Limited Data",
    ("Tseng, Hung-Yu", "Jiang, Lu", "Liu, Ce", "Yang, Ming-Hsuan", "Yang, Weilong"),
    2021,
    "2104.03310",
)
YU_2021 = Paper(
    "yu2021dual",
    "Dual Contrastive Loss and Attention for GANs",
    (
        *("Yu, Ning", "Liu, Guilin", "Dundar, Aysegul", "Tao, Andrew", "Catanzaro, Bryan"),
        *("Davis, Larry", "Fritz, Mario"),
    ),
    2021,
    "2103.16748",
)
